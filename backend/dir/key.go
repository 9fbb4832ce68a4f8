// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/s3seal/s3seal/backend"
)

const (
	maxKey       = 1024 // bytes; the limit of S3
	maxComponent = 255  // bytes; the limit of most file systems
)

// An object knows the names of everything that belongs to one key.
type object struct {
	key  string // and path of the body
	hash string // stands for the key in names of fixed length
}

func newObject(key string) object {
	sum := sha256.Sum256([]byte(key))
	return object{key: key, hash: hex.EncodeToString(sum[:])}
}

// records is the folder of the object's records.
func (o object) records() string { return metaDir + "/" + o.hash }

// temp is the body of the put with that nonce until it is committed.
func (o object) temp(nonce string) string { return tmpDir + "/" + o.hash + "-" + nonce }

// keyError returns an error that wraps ErrKey.
func keyError(key, reason string) error {
	return fmt.Errorf("dir: key %.100q: %s: %w", key, reason, backend.ErrKey)
}

// checkKey refuses keys that can be no object in any folder. It looks at the
// key only; see [Driver.inspect] for what depends on what is there.
func checkKey(key string) error {
	switch {
	case key == "":
		return keyError(key, "is empty")
	case len(key) > maxKey:
		return keyError(key, fmt.Sprintf("want at most %d bytes, got %d", maxKey, len(key)))
	case !utf8.ValidString(key):
		return keyError(key, "is not UTF-8")
	}
	parts := strings.Split(key, "/")
	for i, part := range parts {
		if reason := checkComponent(part); reason != "" {
			return keyError(key, reason)
		}
		// Not only the plain spelling: on many systems .S3SEAL is the same. And
		// not only in the root: such a folder may be that of a bucket in this one.
		if (i == 0 || i < len(parts)-1) && strings.EqualFold(part, home) {
			return keyError(key, "is reserved for metadata")
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(key)) {
		return keyError(key, "has a name that the system reserves")
	}
	return nil
}

// checkComponent returns why part cannot be a file name, or "".
func checkComponent(part string) string {
	switch {
	case part == "":
		return "has an empty component"
	case part == "." || part == "..":
		return "has a component " + part
	case len(part) > maxComponent:
		return fmt.Sprintf("has a component of %d bytes, want at most %d", len(part), maxComponent)
	case strings.IndexByte(part, 0) >= 0:
		return "contains NUL"
	}
	return checkSpelling(part)
}
