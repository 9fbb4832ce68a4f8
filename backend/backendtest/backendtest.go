// SPDX-License-Identifier: Apache-2.0

// Package backendtest checks implementations of [backend.Driver] against the
// contract, and breaks them on purpose.
//
// [TestDriver] is the whole conformance suite in one call. The rest is for testing
// what is built on top of a driver:
//
//	Faulty          a driver that fails at a chosen byte
//	NewWire         a network between a client and a server that delays, breaks or alters
//	NewFlipProxy    one that flips a bit behind markers
//	NewSchedule     faults of thirteen classes, all from one seed
//	ChaosDriver     a driver, and ChaosTransport a transport, that have them
//	RunSchedule     operations under a schedule, and what must hold whatever happened
//
// # What was rejected
//
// An imitated S3: it would agree with whatever the driver does. A proxy that
// parses requests: it would repair what it is to break. Faults at the level of
// bytes alone: most of what a storage does wrong is in its answers. Tests in
// parallel: what they leave behind could not be told apart.
package backendtest

import (
	"context"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// A Harness tells [TestDriverHarness] how to get a driver and what else to
// look at.
type Harness struct {
	// New returns a driver over an empty store. It is called once for each
	// promise of the contract; what it sets up it should tear down by
	// t.Cleanup.
	New func(t *testing.T) backend.Driver

	// Leftovers, if not nil, counts what lies in the store of d beside
	// complete objects: temporary files, unfinished uploads. It is called
	// after puts that failed and must then return 0.
	Leftovers func(ctx context.Context, d backend.Driver) (int, error)

	// Multipart says that drivers must be [backend.Multiparter]s. Those that
	// happen to be are tested in any case, unless StartUpload returns an error
	// that wraps errors.ErrUnsupported.
	Multipart bool

	// List says that drivers must be [backend.Lister]s, ReplaceMetadata that they
	// must be [backend.MetadataReplacer]s. Those that happen to be are tested in
	// any case, unless the storage cannot do it: errors.ErrUnsupported.
	List, ReplaceMetadata bool

	// Headers says that drivers must keep headers. Those that do are tested in any
	// case, and those that refuse them with errors.ErrUnsupported not.
	Headers bool

	// ReplaceMayUndo says that a put which comes in the middle of a replacement
	// of metadata may be undone by it, which the contract would rather not have.
	ReplaceMayUndo bool

	// MaxSize, if not 0, is the size in bytes of the largest body to try.
	MaxSize int64
}

// TestDriver checks that the drivers which newDriver returns keep every
// promise of [backend.Driver]. newDriver is called once for each promise and
// must return a driver over an empty store. With -short the bodies stay below
// 1 MiB.
//
// The suite runs as sub-tests named after the promises; it uses no parallel
// tests and leaves no objects that matter behind.
func TestDriver(t *testing.T, newDriver func(t *testing.T) backend.Driver) {
	t.Helper()
	TestDriverHarness(t, Harness{New: newDriver})
}

// TestDriverHarness is [TestDriver] for drivers that can be asked for more,
// such as what failed puts have left behind.
func TestDriverHarness(t *testing.T, h Harness) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			p.check(newEnv(t, h))
		})
	}
}

// A promise is one sentence of the contract and the test for it.
type promise struct {
	name  string
	check func(e *env)
}

var promises = []promise{
	{"RoundTrip", roundTrip},
	{"RoundTripLarge", roundTripLarge},
	{"BodyShapes", bodyShapes},
	{"Replace", replace},
	{"InfoAgrees", infoAgrees},
	{"ContentType", contentType},
	{"MetadataOfFormats", metadataOfFormats},
	{"MetadataValues", metadataValues},
	{"MetadataNearLimit", metadataNearLimit},
	{"MetadataIsCallers", metadataIsCallers},
	{"Headers", headers},
	{"HeadersOfParts", headersOfParts},
	{"HeadersWrong", headersWrong},
	{"HeadersAreCallers", headersAreCallers},
	{"RangeAllPairs", rangeAllPairs},
	{"RangeOpenEnd", rangeOpenEnd},
	{"RangeOutside", rangeOutside},
	{"RangeInvalid", rangeInvalid},
	{"RangeLarge", rangeLarge},
	{"IfMatch", ifMatch},
	{"Missing", missing},
	{"Delete", deleteObject},
	{"SizeTooSmall", sizeTooSmall},
	{"SizeTooLarge", sizeTooLarge},
	{"SizeInvalid", sizeInvalid},
	{"SourceError", sourceError},
	{"SourceErrorOnReplace", sourceErrorOnReplace},
	{"CancelledBefore", cancelledBefore},
	{"CancelledDuringPut", cancelledDuringPut},
	{"CancelledDuringGet", cancelledDuringGet},
	{"Deadline", deadline},
	{"ConcurrentPuts", concurrentPuts},
	{"ConcurrentKeys", concurrentKeys},
	{"ReadersDuringReplace", readersDuringReplace},
	{"ReplaceDuringRead", replaceDuringRead},
	{"CloseEarly", closeEarly},
	{"Goroutines", goroutines},
	{"Keys", keys},
	{"KeysAreDistinct", keysAreDistinct},
	{"KeysOdd", keysOdd},
	{"KeysInvalid", keysInvalid},
	{"KeyAndFolder", keyAndFolder},
	{"IfNoneMatch", ifNoneMatch},
	{"PutIfMatch", putIfMatch},
	{"ConditionsMeet", conditionsMeet},
	{"IfMatchMeet", ifMatchMeet},
	{"Unsupported", unsupported},
	{"PartsRoundTrip", partsRoundTrip},
	{"PartsReplaced", partsReplaced},
	{"PartsListed", partsListed},
	{"PartsWrong", partsWrong},
	{"PartsOutOfOrder", partsOutOfOrder},
	{"PartsAborted", partsAborted},
	{"PartsInvisible", partsInvisible},
	{"PartsConditions", partsConditions},
	{"PartsConditionsMeet", partsConditionsMeet},
	{"PartsConcurrent", partsConcurrent},
	{"UploadsListed", uploadsListed},
	{"UploadUnknown", uploadUnknown},
	{"ListOrder", listOrder},
	{"ListInfo", listInfo},
	{"ListPrefix", listPrefix},
	{"ListAfter", listAfter},
	{"ListBreak", listBreak},
	{"ListCancelled", listCancelled},
	{"ListVersions", listVersions},
	{"ListUnsupported", listUnsupported},
	{"ListPages", listPages},
	{"ListMeetsPuts", listMeetsPuts},
	{"ReplaceMetadata", replaceMetadata},
	{"ReplaceMetadataSizes", replaceMetadataSizes},
	{"ReplaceMetadataKeys", replaceMetadataKeys},
	{"ReplaceMetadataChanged", replaceMetadataChanged},
	{"ReplaceMetadataRefused", replaceMetadataRefused},
	{"ReplaceMetadataMeet", replaceMetadataMeet},
	{"ReplaceMetadataMeetsPuts", replaceMetadataMeetsPuts},
}
