// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"errors"
	"fmt"
)

// A KMS is a key management service: it holds the KEKs, which never leave it,
// and is asked to use them. Package wrap/awskms adapts the client of AWS's
// service, wrap/localkms is one in a file, for development.
//
// keyID names a KEK in the words of the service. encCtx is the encryption
// context: it is authenticated and not encrypted, a map without order, and
// Decrypt needs the very entries that the other two were given. nil and empty
// are the same. A blob is the service's own encoding of what it has encrypted.
//
// Implementations must:
//
//   - use keyID and no other key. In particular Decrypt must fail if blob was
//     made under another key, even one that the service also holds and that blob
//     names: whoever can write an object has chosen the blob.
//   - return an error that wraps [ErrUnwrap] from Decrypt if blob was rejected,
//     be it altered, of another key or of another context. All other errors mean
//     that the service could not tell: not reached, throttled, access denied, key
//     disabled or not known.
//   - not retain or modify what they are given. The caller owns what they return
//     and may clear it.
//   - be safe for concurrent use.
type KMS interface {
	// GenerateDataKey returns size random bytes, and the same encrypted.
	GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error)

	// Encrypt returns plain encrypted.
	Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) (blob []byte, err error)

	// Decrypt returns what is encrypted in blob.
	Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) (plain []byte, err error)
}

// A Generator is a [Wrapper] that can make a CEK and wrap it in one step, as a
// [KMS] does. Whoever seals may ask a Wrapper for this method and call it
// instead of making a CEK for Wrap; what comes out unwraps the same way.
//
// Implementations must be safe for concurrent use and must not retain or modify
// info. The caller owns the returned slices.
type Generator interface {
	// Generate returns a CEK of size bytes, which is 16, 24 or 32, and its
	// wrapped form.
	Generate(ctx context.Context, size int, info Info) (cek, wrapped []byte, err error)
}

// The names in an encryption context that belong to the formats.
const (
	contextCEKAlg = "aws:x-amz-cek-alg" // binds the content algorithm
	contextCMK    = "kms_cmk_id"        // names the key, in the oldest format
)

type kmsKey struct {
	label
	client KMS
	keyID  string
}

// NewKMS returns a key that lets client wrap under the KEK keyID. It serves
// [KMSContext], the default of formats V2 and V3 for a KMS; the wrap of older
// clients is in package wrap/legacy. It is also a [Generator].
//
// The encryption context is [Info.MatDesc], all of it and nothing else. It must
// hold the entry "aws:x-amz-cek-alg" with the value of [Info.ContentAlg], which
// package envelope sees to, and must not hold "kms_cmk_id" on writing. Readers
// that want to see particular entries in it say so by [RequireContext]: nothing
// else compares the context of an object with what its reader expects.
//
// Every call names keyID. What an object says about its key is never used to
// find one, so that nobody can have an object opened by a key of their own.
//
// Unwrap calls client.Decrypt, Wrap client.Encrypt, Generate
// client.GenerateDataKey; each once for each call, see [Cache]. What client
// rejects, a context without the entry (before client is called) and a CEK of
// other than 16, 24 or 32 bytes are [ErrUnwrap]; all other errors of client are
// passed through wrapped.
//
// The key ID is not checked and is shown when the key is printed. The key is
// safe for concurrent use.
func NewKMS(client KMS, keyID string) (Key, error) {
	if err := checkKMS(client, keyID); err != nil {
		return nil, err
	}
	return &kmsKey{label(fmt.Sprintf("wrap.KMS(%q)", keyID)), client, keyID}, nil
}

func checkKMS(client KMS, keyID string) error {
	if client == nil {
		return errors.New("wrap: KMS: missing client")
	}
	if keyID == "" {
		return errors.New("wrap: KMS: missing key ID")
	}
	return nil
}

func (k *kmsKey) Algorithm() Algorithm { return KMSContext }

func (k *kmsKey) Wrap(ctx context.Context, cek []byte, info Info) ([]byte, error) {
	if err := checkCEK(cek); err != nil {
		return nil, err
	}
	if err := checkWriteContext(info); err != nil {
		return nil, err
	}
	blob, err := k.client.Encrypt(ctx, k.keyID, cek, info.MatDesc)
	if err != nil {
		return nil, fmt.Errorf("wrap: KMS encrypt: %w", err)
	}
	if err := checkBlob(blob, len(cek)); err != nil {
		return nil, err
	}
	return blob, nil
}

func (k *kmsKey) Generate(ctx context.Context, size int, info Info) (cek, wrapped []byte, err error) {
	if !isAESKeySize(size) {
		return nil, nil, fmt.Errorf("wrap: CEK: want 16, 24 or 32 bytes, got %d", size)
	}
	if err := checkWriteContext(info); err != nil {
		return nil, nil, err
	}
	return generate(ctx, k.client, k.keyID, size, info.MatDesc)
}

func (k *kmsKey) Unwrap(ctx context.Context, alg Algorithm, wrapped []byte, info Info) ([]byte, error) {
	if alg != KMSContext {
		return nil, notServed(k.label, alg)
	}
	if !bindsContentAlg(info) {
		return nil, ErrUnwrap
	}
	return decrypt(ctx, k.client, k.keyID, wrapped, info.MatDesc)
}

// bindsContentAlg reports whether the context that the KMS authenticates names
// the content algorithm that the object claims to have.
func bindsContentAlg(info Info) bool {
	return info.ContentAlg != "" && info.MatDesc[contextCEKAlg] == info.ContentAlg
}

func checkWriteContext(info Info) error {
	if !bindsContentAlg(info) {
		return fmt.Errorf("wrap: KMS context: entry %s: want the content algorithm %q, got %q", contextCEKAlg, info.ContentAlg, info.MatDesc[contextCEKAlg])
	}
	if _, ok := info.MatDesc[contextCMK]; ok {
		return fmt.Errorf("wrap: KMS context: entry %s is reserved", contextCMK)
	}
	return nil
}

// generate holds a KMS to its promises: a short key would go unnoticed.
func generate(ctx context.Context, client KMS, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	plain, blob, err = client.GenerateDataKey(ctx, keyID, size, encCtx)
	switch {
	case err != nil:
		err = fmt.Errorf("wrap: KMS generate data key: %w", err)
	case len(plain) != size:
		err = fmt.Errorf("wrap: KMS generate data key: want %d bytes, got %d", size, len(plain))
	default:
		err = checkBlob(blob, size)
	}
	if err != nil {
		clear(plain)
		return nil, nil, err
	}
	return plain, blob, nil
}

// checkBlob catches a service that answers with nothing, or with the key.
func checkBlob(blob []byte, size int) error {
	if len(blob) <= size {
		return fmt.Errorf("wrap: KMS: want a blob longer than the key of %d bytes, got %d", size, len(blob))
	}
	return nil
}

// decrypt returns an AES key. The text of a rejection is always the same.
func decrypt(ctx context.Context, client KMS, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	if len(blob) == 0 {
		return nil, ErrUnwrap
	}
	plain, err := client.Decrypt(ctx, keyID, blob, encCtx)
	switch {
	case err == nil && isAESKeySize(len(plain)):
		return plain, nil
	case err == nil || errors.Is(err, ErrUnwrap):
		err = ErrUnwrap
	default:
		err = fmt.Errorf("wrap: KMS decrypt: %w", err)
	}
	clear(plain)
	return nil, err
}
