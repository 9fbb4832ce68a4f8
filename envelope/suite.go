// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"slices"

	"github.com/s3seal/s3seal/wrap"
)

// A Suite is a metadata format together with a content cipher. Suites are
// values of this package, to be compared with ==; the zero value is [V3].
type Suite struct{ id suiteID }

// The suites. A Suite may be used concurrently.
var (
	// V3 is AES-256-GCM under a key derived by HKDF-SHA-512, with a
	// commitment to the CEK (suite 0x0073). It is the default and the only one
	// that opens without any option.
	V3 = Suite{suiteV3}

	// V2GCM is AES-GCM with the CEK itself (suite 0x0072). The body is
	// authenticated, but one body can be made to open under two CEKs.
	V2GCM = Suite{suiteV2GCM}

	// V2CBC is AES-CBC with PKCS#7 (suite 0x0070). It detects nothing but bad
	// padding, and that makes its reader an oracle for whoever can alter
	// objects and see errors. For clients that read nothing better.
	V2CBC = Suite{suiteV2CBC}

	// V2CTR is AES-CTR, which one Python client could write. It detects
	// nothing at all; it can only be read.
	V2CTR = Suite{suiteV2CTR}

	// V1 is AES-CBC with PKCS#7 under the oldest names, with a wrap that
	// nothing names or protects. For clients that read nothing better.
	V1 = Suite{suiteV1}
)

type suiteID uint8

const (
	suiteV3 suiteID = iota // the zero Suite must be the safe one
	suiteV2GCM
	suiteV2CBC
	suiteV2CTR
	suiteV1
)

// A mode is how a body is encrypted, whatever the metadata looks like.
type mode uint8

const (
	modeGCM mode = iota
	modeCBC
	modeCTR
)

// A suiteInfo is what the rest of the package needs to know of a Suite.
type suiteInfo struct {
	name       string
	contentAlg string // the wire text, to which wraps bind the CEK
	mode       mode
	ivSize     int // bytes of Header.IV
	reads      []wrap.Algorithm
	writes     []wrap.Algorithm
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
	suiteV3:    {"V3", algCommit, modeGCM, messageIDSize, wrapsModern, wrapsModern},
	suiteV2GCM: {"V2-GCM", algGCM, modeGCM, 12, wrapsV2Read, wrapsV2},
	suiteV2CBC: {"V2-CBC", algCBC, modeCBC, 16, wrapsV2Read, wrapsV2},
	suiteV2CTR: {"V2-CTR", algCTR, modeCTR, 16, wrapsV2Read, nil},
	suiteV1: {"V1", algCBC, modeCBC, 16, []wrap.Algorithm{wrap.Unnamed},
		[]wrap.Algorithm{wrap.AESECB, wrap.RSAPKCS1}},
}

// info cannot be out of range: only this package makes Suites.
func (s Suite) info() *suiteInfo { return &suites[s.id] }

// String returns a short name for people and logs. It is not a wire text.
func (s Suite) String() string { return s.info().name }
