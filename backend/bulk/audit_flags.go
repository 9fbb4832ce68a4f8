// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// An AuditFlag names something about an object that somebody should look at. The
// values are stable.
type AuditFlag string

// The flags. What raises one is public metadata, which nobody has to have written
// by accident.
const (
	// FlagMixed: names of several formats stand together in one envelope, of
	// which different readers believe different ones.
	FlagMixed AuditFlag = "mixed-formats"

	// FlagSpoofedV3: an envelope of V1 or V2 carries names of V3 as well.
	FlagSpoofedV3 AuditFlag = "v3-names-on-older-format"

	// FlagDamaged: there is an envelope, but it cannot be read for another
	// reason.
	FlagDamaged AuditFlag = "damaged-envelope"

	// FlagOrphan: an instruction file, by its key, without an object.
	FlagOrphan AuditFlag = "orphaned-instruction-file"

	// FlagFileMissing: what is in the metadata says that the rest is in an
	// instruction file, which is not there. An object of V1 or V2 shows this
	// only where its writer left a hint of the size; the others pass for
	// FlagPlaintext.
	FlagFileMissing AuditFlag = "instruction-file-missing"

	// FlagFileUnneeded: an instruction file beside an object that has its
	// envelope elsewhere.
	FlagFileUnneeded AuditFlag = "instruction-file-not-needed"

	// FlagTwoEnvelopes: the same where the object is of V1 or V2. Clients
	// exist that would rather take the file.
	FlagTwoEnvelopes AuditFlag = "two-envelopes"

	// FlagCommitmentInFile: an instruction file holds what V3, or a format of
	// s3seal's own, keeps on the object, so that who can replace the wrapped
	// key cannot choose what it is held against.
	FlagCommitmentInFile AuditFlag = "commitment-in-instruction-file"

	// FlagPlaintext: not encrypted.
	FlagPlaintext AuditFlag = "not-encrypted"

	// FlagSize: no intact object of the format has that size.
	FlagSize AuditFlag = "impossible-size"

	// FlagChanged: the object was replaced or deleted after it was listed.
	FlagChanged AuditFlag = "changed-meanwhile"

	// FlagSidecar: the key of a sidecar, which is a KEK that a KMS encrypted,
	// beside a sealed object.
	FlagSidecar AuditFlag = "sidecar"

	// FlagUnreadable: the storage did not say what the object is.
	FlagUnreadable AuditFlag = "not-examined"
)

// auditFlags are all of them, the worst first: the order of a report.
var auditFlags = []AuditFlag{
	FlagSpoofedV3, FlagMixed, FlagCommitmentInFile, FlagTwoEnvelopes, FlagDamaged, FlagFileMissing, FlagSize,
	FlagOrphan, FlagFileUnneeded, FlagPlaintext, FlagUnreadable, FlagChanged, FlagSidecar,
}

// String returns what the flag says, for people.
func (f AuditFlag) String() string { return string(f) }

// flagOf says what an error of Stat means for the object. It is never called
// for errors that end the audit.
func flagOf(err error) AuditFlag {
	if errors.Is(err, backend.ErrNoInstructionFile) { // also wraps the MetadataError
		return FlagFileMissing
	}
	if bad, ok := errors.AsType[*envelope.MetadataError](err); ok {
		return flagOfMetadata(bad)
	}
	if errors.Is(err, backend.ErrNotExist) {
		return FlagChanged
	}
	return FlagUnreadable
}

// The names of V3 but that of the wrapped key: with that one, an object has two
// keys, and is mixed rather than dressed up.
var dressV3 = []string{"x-amz-c", "x-amz-w", "x-amz-d", "x-amz-i", "x-amz-m", "x-amz-t"}

// flagOfMetadata goes by the words of package envelope, which has one error for
// all that can be wrong with metadata. Where those words change, the flag is
// FlagDamaged, and the tests tell.
func flagOfMetadata(bad *envelope.MetadataError) AuditFlag {
	format, foreign := strings.CutPrefix(bad.Reason, "does not belong to ")
	switch {
	case strings.HasPrefix(bad.Reason, "belongs in the metadata of the object"):
		return FlagCommitmentInFile
	case !foreign:
		return FlagDamaged
	case slices.Contains(dressV3, bad.Name) && (format == "format V1" || format == "format V2"):
		return FlagSpoofedV3
	case strings.HasPrefix(bad.Name, "s3seal-") && !strings.HasPrefix(format, "format V"):
		return FlagDamaged // a name that no version has, not one of another format
	}
	return FlagMixed
}

// An AuditNote is a flag with what raised it.
type AuditNote struct {
	Flag   AuditFlag `json:"flag"`             // what there is to say
	Detail string    `json:"detail,omitempty"` // for people; may hold text from storage
}

func noted(flag AuditFlag, format string, args ...any) AuditNote {
	return AuditNote{flag, clipped(fmt.Sprintf(format, args...), maxDetail)}
}
