// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// MaxMetadataSize is how much user metadata S3 stores with an object, in
	// bytes as [MetadataSize] counts them. The envelope is part of it.
	MaxMetadataSize = 2048

	metadataPrefix = "x-amz-meta-"
)

// maxRemainder is what stays in metadata beside an instruction file: three
// names of 7 bytes, "115", and 28 bytes in base64 twice.
const maxRemainder = 3*(len(metadataPrefix)+7) + 3 + 40 + 40

// ErrMetadata says that metadata cannot be stored as it is: a name that is
// reserved or no name, a value that would not come back unchanged, or more
// than [MaxMetadataSize].
var ErrMetadata = errors.New("backend: metadata not allowed")

// reservedPrefixes begin the names of envelopes. All that begins so is
// reserved, not only the names in use: readers of other formats would take
// some of them for theirs, and S3 itself others for requests to it.
var reservedPrefixes = []string{"x-amz-", "s3seal-"}

// MetadataSize returns the size in bytes of user metadata as S3 servers count
// it: names, values, and for each name the prefix that it travels under. Some
// servers do not count the prefix; what fits by this count fits everywhere.
//
// It may be called concurrently while nobody writes to meta.
func MetadataSize(meta map[string]string) int {
	size := 0
	for name, value := range meta {
		size += len(metadataPrefix) + len(name) + len(value)
	}
	return size
}

// ReservedMetadata reports whether a name of user metadata, without the prefix that
// it travels under, is reserved for envelopes: a put refuses it from its caller, and
// what is left of an object's metadata without such names is the caller's own. The
// case does not matter. It may be called concurrently.
func ReservedMetadata(name string) bool { return reservedPrefix(name) != "" }

// CiphertextHint returns the first name in the metadata of an object that only an
// encrypting writer leaves there: a hint of V1 and V2 to the length or hash of the
// plaintext, which stays when the envelope is in an instruction file, or any name
// of ours. It returns "" if there is none.
//
// Where there is a hint and no envelope, as [Bucket.Stat] finds it, the object is
// ciphertext whose instruction file is lost or under another suffix, and must not
// pass for plaintext. That there is no hint proves nothing: the metadata is not
// authenticated, and V3 leaves none. Names may have the prefix that they travel
// under; the case does not matter.
//
// It may be called concurrently while nobody writes to meta.
func CiphertextHint(meta map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		bare := strings.TrimPrefix(strings.ToLower(name), metadataPrefix)
		if strings.HasPrefix(bare, "x-amz-unencrypted-content-") || strings.HasPrefix(bare, "s3seal-") {
			return name
		}
	}
	return ""
}

// reservedPrefix returns how a reserved name begins, and nothing for others.
func reservedPrefix(name string) string {
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(strings.ToLower(name), prefix) {
			return prefix
		}
	}
	return ""
}

// checkOptions refuses what the caller of a put must not or cannot store.
func checkOptions(opts *PutOptions) error {
	for _, name := range slices.Sorted(maps.Keys(opts.Metadata)) {
		if err := checkName(name); err != nil {
			return err
		}
		if !storable(opts.Metadata[name]) {
			return fmt.Errorf("%w: value of %q: want printable ASCII without blanks at its ends", ErrMetadata, name)
		}
	}
	if !storable(opts.ContentType) {
		return fmt.Errorf("%w: content type %q: want printable ASCII", ErrMetadata, opts.ContentType)
	}
	return cmp.Or(opts.CheckHeaders(), opts.CheckConditions())
}

func checkName(name string) error {
	if prefix := reservedPrefix(name); prefix != "" {
		return fmt.Errorf("%w: names that begin with %q are reserved, got %q", ErrMetadata, prefix, name)
	}
	for _, c := range []byte(name) {
		if !isNameByte(c) {
			return fmt.Errorf("%w: name %q: want only - . _ and lower-case ASCII letters and digits", ErrMetadata, name)
		}
	}
	if name == "" {
		return fmt.Errorf("%w: a name is empty", ErrMetadata)
	}
	return nil
}

// isNameByte is narrower than a header name may be: upper case comes back as
// lower case, and some servers and proxies drop the rarer signs.
func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// storable says whether a header carries s unchanged. Beyond ASCII it depends
// on the server what comes back, and blanks at the ends are lost on the way.
func storable(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return s == strings.Trim(s, " ")
}

// joinMetadata adds the caller's metadata to the envelope.
func joinMetadata(header, user map[string]string) (map[string]string, error) {
	all := maps.Clone(header)
	maps.Copy(all, user) // no name can be in both: checkName
	if size := MetadataSize(all); size > MaxMetadataSize {
		name := largest(all)
		err := fmt.Errorf("%w: %d bytes, of which %d are the envelope, limit %d; largest is %s with %d",
			ErrMetadata, size, MetadataSize(header), MaxMetadataSize, name, len(all[name]))
		if MetadataSize(user)+maxRemainder <= MaxMetadataSize { // never with an instruction file
			err = fmt.Errorf("%w; an instruction file would take the envelope out of it (Options.InstructionFile)", err)
		}
		return nil, err
	}
	return all, nil
}

// largest returns the name with the longest value.
func largest(meta map[string]string) string {
	return slices.MaxFunc(slices.Sorted(maps.Keys(meta)), func(a, b string) int {
		return len(meta[a]) - len(meta[b])
	})
}
