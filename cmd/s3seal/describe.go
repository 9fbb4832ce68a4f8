// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// What metadata call the content algorithms. Format V1 does not call its one
// anything, but there is no other.
const (
	contentGCM = "AES/GCM/NoPadding"
	contentCBC = "AES/CBC/PKCS5Padding"
	contentCTR = "AES/CTR/NoPadding"
	contentV3  = "115"

	contentChunked = "S3SEAL/CHUNKED1"
	contentDARE    = "S3SEAL/DARE2"
)

// formatName returns the name of a format, as --format takes it where the
// format can be written, and of its content algorithm.
func formatName(s envelope.Suite) (name, content string) {
	switch s {
	case envelope.V1:
		return "v1", contentCBC
	case envelope.V2CBC:
		return "v2-cbc", contentCBC
	case envelope.V2GCM:
		return "v2", contentGCM
	case envelope.V2CTR:
		return "v2-ctr", contentCTR
	case envelope.V3, envelope.Suite{}:
		return "v3", contentV3
	case envelope.Chunked:
		return "chunked", contentChunked
	case dare.DARE2:
		return "dare2", contentDARE
	}
	return s.String(), s.String()
}

// formatText says what a format is worth.
func formatText(s envelope.Suite) string {
	name, content := formatName(s)
	switch content {
	case contentV3:
		return name + " (AES-GCM, committed to its key)"
	case contentGCM:
		return name + " (AES-GCM)"
	case contentCBC:
		return name + " (AES-CBC, unauthenticated)"
	case contentCTR:
		return name + " (AES-CTR, unauthenticated)"
	case contentChunked:
		return name + " (AES-GCM in chunks, committed to its key)"
	case contentDARE:
		return name + " (AES-GCM in packages)"
	}
	return name
}

// contentText is the content algorithm for people.
func contentText(s envelope.Suite) string {
	_, content := formatName(s)
	if content == contentV3 {
		return contentV3 + " (AES-256-GCM, HKDF-SHA512, key commitment)"
	}
	return content
}

// Kinds of key that an object takes.
const (
	kindAES = "aes"
	kindRSA = "rsa"
	kindKMS = "kms"
)

// maxWrappedAES is the most that any wrap by an AES key makes of a CEK of 32
// bytes (AES/GCM: 12 for the nonce, 16 for the tag). The smallest RSA key in
// use makes 128 bytes.
const maxWrappedAES = 60

// keyKind tells which kind of key an object takes. Where the wrap has no name,
// the length of the wrapped key gives it away.
func keyKind(h *envelope.Header) string {
	switch h.Wrap {
	case wrap.AESGCM, wrap.AESKW, wrap.AESECB:
		return kindAES
	case wrap.RSAOAEPSHA1, wrap.RSAOAEPSHA256, wrap.RSAPKCS1, wrap.RSARaw:
		return kindRSA
	case wrap.KMSContext, wrap.KMSPlain:
		return kindKMS
	}
	if len(h.WrappedKey) <= maxWrappedAES {
		return kindAES
	}
	return kindRSA
}

// keyText is keyKind for people.
func keyText(h *envelope.Header) string {
	switch keyKind(h) {
	case kindAES:
		return "an AES key"
	case kindRSA:
		return "an RSA private key"
	}
	return "an AWS KMS key"
}

// wrapText names a wrap, also one that the metadata do not name.
func wrapText(h *envelope.Header) string {
	if h.Wrap != wrap.Unnamed {
		return h.Wrap.String()
	}
	if keyKind(h) == kindAES {
		return "none named: " + wrap.AESECB.String()
	}
	return "none named: " + wrap.RSAPKCS1.String()
}

// sizeText is a size of which only bounds may be known.
func sizeText(lo, hi int64) string {
	switch {
	case lo < 0 || hi < 0:
		return "unknown"
	case lo == hi:
		return fmt.Sprintf("%d bytes", lo)
	}
	return fmt.Sprintf("%d to %d bytes", lo, hi)
}

// pairsText is a materials description in one line.
func pairsText(m map[string]string) string {
	if len(m) == 0 {
		return "none"
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, name+"="+m[name])
	}
	return strings.Join(pairs, ",")
}
