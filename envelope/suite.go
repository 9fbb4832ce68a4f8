// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"slices"

	"github.com/s3seal/s3seal/envelope/internal/format"
	"github.com/s3seal/s3seal/wrap"
)

// A Suite is a metadata format together with a content cipher. Suites are
// values of this package, or of one that makes them by [NewSuite], to be compared
// with ==; the zero value is [V3].
type Suite struct {
	id      suiteID
	foreign *suiteInfo // instead of id
}

// The suites. A Suite may be used concurrently.
var (
	// V3 is AES-256-GCM under a key derived by HKDF-SHA-512, with a
	// commitment to the CEK (suite 0x0073). It is the default and the only one
	// of AWS's formats that opens without any option.
	V3 = Suite{id: suiteV3}

	// Chunked is C2SP chunked encryption (package stream/chunked) under a key
	// derived from the CEK, to which the body commits. Every byte is verified
	// before it is returned, at any offset, and objects may have 4 PiB. It is a
	// format of s3seal's own: AWS's clients refuse it. Like V3 it opens without
	// any option.
	Chunked = Suite{id: suiteChunked}

	// V2GCM is AES-GCM with the CEK itself (suite 0x0072). The body is
	// authenticated, but one body can be made to open under two CEKs.
	V2GCM = Suite{id: suiteV2GCM}

	// V2CBC is AES-CBC with PKCS#7 (suite 0x0070). It detects nothing but bad
	// padding, and that makes its reader an oracle for whoever can alter
	// objects and see errors. For clients that read nothing better.
	V2CBC = Suite{id: suiteV2CBC}

	// V2CTR is AES-CTR, which one Python client could write. It detects
	// nothing at all; it can only be read.
	V2CTR = Suite{id: suiteV2CTR}

	// V1 is AES-CBC with PKCS#7 under the oldest names, with a wrap that
	// nothing names or protects. For clients that read nothing better.
	V1 = Suite{id: suiteV1}
)

type suiteID uint8

const (
	suiteV3 suiteID = iota // the zero Suite must be the safe one
	suiteV2GCM
	suiteV2CBC
	suiteV2CTR
	suiteV1
	suiteChunked
)

// A mode is how a body is encrypted, whatever the metadata looks like.
type mode uint8

const (
	modeGCM mode = iota
	modeCBC
	modeCTR
	modeOwn // a format of s3seal's own
)

// A suiteInfo is what the rest of the package needs to know of a Suite.
type suiteInfo struct {
	name       string
	contentAlg string // the wire text, to which wraps bind the CEK
	mode       mode
	ivSize     int // bytes of Header.IV
	reads      []wrap.Algorithm
	writes     []wrap.Algorithm
	commits    bool          // the content commits to the CEK
	salted     bool          // every object has a content key of its own, whatever the CEK
	format     format.Format // of modeOwn only
}

const (
	algCommit  = "115" // 0x73, in decimal
	algGCM     = "AES/GCM/NoPadding"
	algCBC     = "AES/CBC/PKCS5Padding"
	algCBC7    = "AES/CBC/PKCS7Padding" // the correct name of the same padding
	algCBCBare = "AES/CBC"
	algCTR     = "AES/CTR/NoPadding"
	algECB     = "AES/ECB/PKCS5Padding"
)

var (
	wrapsModern = []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext}
	wrapsV2     = append(slices.Clone(wrapsModern), wrap.AESKW, wrap.KMSPlain)
	wrapsV2Read = append(slices.Clone(wrapsV2), wrap.RSAOAEPSHA256, wrap.Unnamed)
)

var suites = [...]suiteInfo{
	suiteV3: {
		name: "V3", contentAlg: algCommit, mode: modeGCM, ivSize: messageIDSize,
		reads: wrapsModern, writes: wrapsModern, commits: true, salted: true,
	},
	suiteV2GCM:   {name: "V2-GCM", contentAlg: algGCM, mode: modeGCM, ivSize: 12, reads: wrapsV2Read, writes: wrapsV2},
	suiteV2CBC:   {name: "V2-CBC", contentAlg: algCBC, mode: modeCBC, ivSize: 16, reads: wrapsV2Read, writes: wrapsV2},
	suiteV2CTR:   {name: "V2-CTR", contentAlg: algCTR, mode: modeCTR, ivSize: 16, reads: wrapsV2Read},
	suiteChunked: own(chunkedFormat{}, true),
	suiteV1: {
		name: "V1", contentAlg: algCBC, mode: modeCBC, ivSize: 16,
		reads: []wrap.Algorithm{wrap.Unnamed}, writes: []wrap.Algorithm{wrap.AESECB, wrap.RSAPKCS1},
	},
}

// own describes a format of s3seal's own, which modern wraps serve.
func own(f format.Format, commits bool) suiteInfo {
	return suiteInfo{
		name: f.Name(), contentAlg: f.ContentAlg(), mode: modeOwn, ivSize: f.SaltSize(),
		reads: wrapsModern, writes: wrapsModern, commits: commits, salted: true, format: f,
	}
}

// NewSuite returns a Suite that this package does not have built in. It is for
// the packages below this one, such as envelope/dare, which alone can name what
// it takes. Two calls return two Suites that are not equal.
//
// Such a Suite is never taken to commit to the CEK: it opens only with
// AllowUncommitted, and where [OpenOptions].ExtraSuites has it. It may be called
// concurrently.
func NewSuite(f format.Format) Suite {
	if f == nil {
		return Suite{foreign: &suiteInfo{name: "none"}} // serves nothing
	}
	info := own(f, false)
	return Suite{foreign: &info}
}

// info cannot be out of range: only this package makes Suites.
func (s Suite) info() *suiteInfo {
	if s.foreign != nil {
		return s.foreign
	}
	return &suites[s.id]
}

// String returns a short name for people and logs. It is not a wire text.
func (s Suite) String() string { return s.info().name }
