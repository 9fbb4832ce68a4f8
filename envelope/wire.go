// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The names of an envelope in user metadata.
const (
	nameKeyV1   = "x-amz-key"
	nameKeyV2   = "x-amz-key-v2"
	nameIV      = "x-amz-iv"
	nameCEKAlg  = "x-amz-cek-alg"
	nameWrapAlg = "x-amz-wrap-alg"
	nameMatDesc = "x-amz-matdesc"
	nameTagLen  = "x-amz-tag-len"

	nameKeyV3      = "x-amz-3"
	nameSuite      = "x-amz-c"
	nameWrapCode   = "x-amz-w"
	nameCommitment = "x-amz-d"
	nameMessageID  = "x-amz-i"
	nameMatDescV3  = "x-amz-m"
	nameContextV3  = "x-amz-t"

	// Hints that some writers leave and nothing may rely on.
	nameLength = "x-amz-unencrypted-content-length"
	nameMD5    = "x-amz-unencrypted-content-md5"

	metaPrefix = "x-amz-meta-"
	keyPrefix  = "x-amz-key-"
)

// The names of s3seal's own formats. No client of AWS knows them, so that it
// says of such an object that it is not encrypted, or lacks its names, and never
// takes it for something else.
const (
	nameOwnSuite = "s3seal-suite"
	nameOwnKey   = "s3seal-key"
	nameOwnWrap  = "s3seal-wrap"
	nameOwnDesc  = "s3seal-matdesc"
	nameOwnSalt  = "s3seal-salt"
	nameOwnBound = "s3seal-bound"
	nameOwnEmpty = "s3seal-empty"

	ownPrefix = "s3seal-"
)

// The names by the formats that they can belong to. A name that belongs to
// another format than the one detected is an attempt to confuse readers.
var (
	namesOnlyV2 = []string{nameKeyV2, nameCEKAlg, nameWrapAlg, nameTagLen}
	namesV1V2   = []string{nameIV, nameMatDesc, nameMD5}
	namesOnlyV3 = []string{nameKeyV3, nameSuite, nameWrapCode, nameCommitment, nameMessageID, nameMatDescV3, nameContextV3}

	foreignToV1 = slices.Concat(namesOnlyV2, namesOnlyV3)
	foreignToV2 = slices.Concat([]string{nameKeyV1}, namesOnlyV3)
	foreignToV3 = slices.Concat([]string{nameKeyV1}, namesOnlyV2, namesV1V2)

	knownNames = slices.Concat([]string{nameKeyV1, nameLength}, namesOnlyV2, namesV1V2, namesOnlyV3)
)

// The names by what they have to do with instruction files.
var (
	namesKey       = []string{nameKeyV1, nameKeyV2, nameKeyV3, nameOwnKey}
	namesObjectV3  = []string{nameSuite, nameCommitment, nameMessageID}              // never in the file
	namesObjectOwn = []string{nameOwnSuite, nameOwnSalt, nameOwnBound, nameOwnEmpty} // nor are they
	namesObject    = slices.Concat(namesObjectV3, namesObjectOwn)
	namesHint      = []string{nameLength, nameMD5} // left behind beside it
	namesDesc      = []string{nameMatDesc, nameMatDescV3, nameContextV3}
)

// maxValue bounds a single value. S3 allows 2 KiB for all of them, other
// stores more; an instruction file has no limit of its own.
const maxValue = 64 << 10

// fields are the values of an envelope under their normalised names. None is
// empty.
type fields map[string]string

// normalise picks the names of an envelope out of user metadata. Whatever else
// is there is the user's business.
func normalise(meta map[string]string) (fields, error) {
	f := make(fields)
	// Sorted, so that the same metadata always gives the same error.
	for _, given := range slices.Sorted(maps.Keys(meta)) {
		name, value := strings.TrimPrefix(lowerASCII(given), metaPrefix), meta[given]
		switch {
		case value == "": // some SDKs send what their client left empty
			continue
		case !isEnvelopeName(name):
			continue
		case f[name] != "":
			return nil, &MetadataError{name, "present more than once"}
		case len(value) > maxValue:
			return nil, &MetadataError{name, fmt.Sprintf("want at most %d bytes, got %d", maxValue, len(value))}
		}
		if slices.Contains(namesDesc, name) || strings.HasPrefix(name, nameOwnDesc) {
			value = repairText(value)
		}
		f[name] = value
	}
	return f, nil
}

// isEnvelopeName includes the names that a later format might have for its
// key, and all that s3seal's own formats may ever have.
func isEnvelopeName(name string) bool {
	return slices.Contains(knownNames, name) || strings.HasPrefix(name, keyPrefix) || isOwnName(name)
}

func isOwnName(name string) bool { return strings.HasPrefix(name, ownPrefix) }

// lowerASCII is not strings.ToLower: that one maps letters from outside ASCII
// into it (U+212A becomes k), so two different names would become one.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// refuse returns an error for the first of names that is present, and for the
// names of s3seal's own formats: what has them is none of AWS's.
func (f fields) refuse(names []string, format string) error {
	for _, name := range slices.Concat(names, slices.Sorted(maps.Keys(f))) {
		if f[name] != "" && (isOwnName(name) || slices.Contains(names, name)) {
			return &MetadataError{name, "does not belong to format " + format}
		}
	}
	return nil
}

// bytes decodes a value that must be there. Go's decoder skips newlines
// anywhere; here they are tolerated at the end only, where one old writer
// could leave them.
func (f fields) bytes(name string) ([]byte, error) {
	value := f[name]
	if value == "" {
		return nil, &MetadataError{name, "missing"}
	}
	value = strings.TrimRight(value, " \t\r\n")
	if strings.ContainsAny(value, "\r\n") {
		return nil, &MetadataError{name, "not standard base64"}
	}
	b, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil, &MetadataError{name, "not standard base64"}
	}
	return b, nil
}

func encodeBytes(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
