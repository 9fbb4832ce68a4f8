// SPDX-License-Identifier: Apache-2.0

// Package localkms is a key management service for DEVELOPMENT AND TESTS: a
// [wrap.KMS] whose keys lie in a file, or only in memory, and an [http.Handler]
// that speaks the JSON protocol of AWS KMS, so that programs written for AWS's
// service can be tried without it.
//
// It is NOT a place for keys that matter. Whoever reads the file has every key,
// whoever reaches the handler may use every key, nothing is logged, nobody is
// asked for a permission, and a file that is lost or restored from an old backup
// takes with it all objects that were sealed since.
//
// A key has versions. [KMS.Rotate] adds one, new data is encrypted under the
// newest, and what older ones have encrypted can still be decrypted.
//
// The package needs the standard library only, and works in FIPS 140-only mode.
//
// # The bytes
//
// A blob that this KMS makes of n bytes, under a key and a context:
//
//	offset   0             8         24        28      40           40+n
//	         S3SKMS1 00    key tag   version   nonce   ciphertext   tag
//	size     8             16        4         12      n            16
//
// It is AES-256-GCM. The key tag is the start of the SHA-256 of the key ID, and
// the version counts from 0, big endian. Additional data are the first 28 bytes,
// and then each name of the context, in their order, and its value, each with its
// length in 8 bytes before it.
//
// The file is JSON, with mode 0600, and holds the keys as they are:
//
//	{"s3seal_localkms": 1, "keys": {"KEY ID": [{"created": "…", "key": "base64 of 32 bytes"}, …]}}
//
// # What was rejected
//
// A password over the file: it would have to be in the environment of each
// program that is tried, and would make the file look safe. Aliases, grants and
// policies: who needs to try those needs AWS. Locking the file: it has one writer
// for the time of a test, and a change by another is noticed.
package localkms

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/s3seal/s3seal/wrap"
)

// Limits of AWS KMS, in bytes, so that what works here works there.
const (
	maxDataKeySize = 1024
	maxPlainSize   = 4096
	maxKeyIDSize   = 2048
)

// ErrNotFound says that there is no key of this ID.
var ErrNotFound = errors.New("localkms: key not found")

// Why a blob is rejected. The protocol of AWS tells the two apart; Decrypt does
// not, and says wrap.ErrUnwrap.
var (
	errInvalidCiphertext = errors.New("localkms: invalid ciphertext or context")
	errIncorrectKey      = errors.New("localkms: the ciphertext is of another key")
)

// A KMS holds AES-256 keys and uses them. It implements [wrap.KMS]. For
// development only: see the package comment.
//
// Key IDs are any text of 1 to 2048 bytes, for example the ARN that production
// will use; they must match exactly, aliases are not resolved.
//
// The zero KMS is what [New] returns. Its file is not locked: while one KMS of it
// adds or rotates keys, no other may, in this process or elsewhere. A KMS is safe
// for concurrent use.
type KMS struct {
	path string // "" for keys in memory

	mu    sync.RWMutex
	saved []byte // what the file should hold
	keys  map[string]*masterKey
}

var _ wrap.KMS = (*KMS)(nil)

// New returns a KMS without keys whose keys stay in memory. It may be called
// concurrently.
func New() *KMS { return new(KMS) }

// CreateKey makes a key from crypto/rand. An ID that exists, or is not UTF-8 text
// of 1 to 2048 bytes, is an error, as is a file that cannot be written; nothing has
// changed then. It may be called concurrently.
func (k *KMS) CreateKey(keyID string) error {
	key := make([]byte, keySize)
	defer clear(key)
	rand.Read(key) // never fails
	return k.ImportKey(keyID, key)
}

// ImportKey makes a key whose first version is key, 32 bytes, which is copied. Any
// other length is an error, as is what is one of [KMS.CreateKey]; nothing has
// changed then. It may be called concurrently.
func (k *KMS) ImportKey(keyID string, key []byte) error {
	if err := checkKeyID(keyID); err != nil {
		return err
	}
	if len(key) != keySize {
		return fmt.Errorf("localkms: key: want %d bytes, got %d", keySize, len(key))
	}
	v, err := newVersion(key, time.Now())
	if err != nil {
		return err
	}
	return k.change(func(keys map[string]*masterKey) error {
		if keys[keyID] != nil {
			return fmt.Errorf("localkms: key %q exists", keyID)
		}
		keys[keyID] = newMasterKey(keyID, v)
		return nil
	})
}

func checkKeyID(keyID string) error {
	if keyID == "" || len(keyID) > maxKeyIDSize || !utf8.ValidString(keyID) {
		return fmt.Errorf("localkms: key ID: want UTF-8 text of 1 to %d bytes, got %d bytes", maxKeyIDSize, len(keyID))
	}
	return nil
}

// Rotate gives a key a new version, from crypto/rand. The error wraps
// [ErrNotFound] if there is no such key; if the file cannot be written, the key
// is as it was. It may be called concurrently.
func (k *KMS) Rotate(keyID string) error {
	key := make([]byte, keySize)
	defer clear(key)
	rand.Read(key)
	v, err := newVersion(key, time.Now())
	if err != nil {
		return err
	}
	return k.change(func(keys map[string]*masterKey) error {
		old := keys[keyID]
		if old == nil {
			return notFound(keyID)
		}
		keys[keyID] = newMasterKey(keyID, append(slices.Clone(old.versions), v)...)
		return nil
	})
}

// change replaces the set of keys, in the file first.
func (k *KMS) change(f func(map[string]*masterKey) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := make(map[string]*masterKey, len(k.keys)+1)
	maps.Copy(keys, k.keys)
	if err := f(keys); err != nil {
		return err
	}
	if k.path != "" {
		saved, err := replaceFile(k.path, k.saved, keys)
		if err != nil {
			return err
		}
		k.saved = saved
	}
	k.keys = keys
	return nil
}

// KeyIDs returns the IDs of all keys, sorted. It may be called concurrently.
func (k *KMS) KeyIDs() []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Sorted(maps.Keys(k.keys))
}

// Versions returns how many versions a key has, 0 if there is no such key. It
// may be called concurrently.
func (k *KMS) Versions(keyID string) int {
	if m, err := k.key(keyID); err == nil {
		return len(m.versions)
	}
	return 0
}

// key returns a key, which nobody changes: Rotate replaces it.
func (k *KMS) key(keyID string) (*masterKey, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if m := k.keys[keyID]; m != nil {
		return m, nil
	}
	return nil, notFound(keyID)
}

func notFound(keyID string) error { return fmt.Errorf("%w: %q", ErrNotFound, keyID) }

// GenerateDataKey returns size bytes, 1 to 1024, from crypto/rand, and the same
// encrypted. The error wraps [ErrNotFound] if there is no such key. It may be
// called concurrently.
func (k *KMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	if size < 1 || size > maxDataKeySize {
		return nil, nil, fmt.Errorf("localkms: data key: want 1 to %d bytes, got %d", maxDataKeySize, size)
	}
	plain = make([]byte, size)
	rand.Read(plain)
	blob, err = k.Encrypt(ctx, keyID, plain, encCtx)
	if err != nil {
		clear(plain)
		return nil, nil, err
	}
	return plain, blob, nil
}

// Encrypt returns plain, 1 to 4096 bytes, encrypted under the newest version of
// the key. The error wraps [ErrNotFound] if there is no such key. It may be
// called concurrently.
func (k *KMS) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("localkms: %w", err)
	}
	if len(plain) < 1 || len(plain) > maxPlainSize {
		return nil, fmt.Errorf("localkms: plaintext: want 1 to %d bytes, got %d", maxPlainSize, len(plain))
	}
	m, err := k.key(keyID)
	if err != nil {
		return nil, err
	}
	return m.seal(plain, encCtx), nil
}

// Decrypt returns what is encrypted in blob under any version of the key keyID.
// A blob that is altered, of another context or of another key is
// [wrap.ErrUnwrap]; the error wraps [ErrNotFound] if there is no such key. It
// may be called concurrently.
func (k *KMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("localkms: %w", err)
	}
	m, err := k.key(keyID)
	if err != nil {
		return nil, err
	}
	plain, err := m.open(blob, encCtx)
	if err != nil {
		return nil, wrap.ErrUnwrap // one answer for every rejection
	}
	return plain, nil
}

// decryptByAny is for clients that do not say which key: AWS allows that for
// symmetric keys, and its oldest clients know nothing else.
func (k *KMS) decryptByAny(blob []byte, encCtx map[string]string) (keyID string, plain []byte, err error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(k.keys)) {
		if plain, err := k.keys[id].open(blob, encCtx); err == nil {
			return id, plain, nil
		}
	}
	return "", nil, errInvalidCiphertext
}

// String names the KMS without its keys.
func (k *KMS) String() string {
	where := k.path
	if where == "" {
		where = "memory"
	}
	return fmt.Sprintf("localkms.KMS(%d keys in %s)", len(k.KeyIDs()), where)
}

// Format prints String for every verb, so that no verb prints keys.
func (k *KMS) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue returns what String returns, for package log/slog.
func (k *KMS) LogValue() slog.Value { return slog.StringValue(k.String()) }
