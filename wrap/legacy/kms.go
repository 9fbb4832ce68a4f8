// SPDX-License-Identifier: Apache-2.0

package legacy

import (
	"context"
	"errors"
	"fmt"

	"github.com/s3seal/s3seal/wrap"
)

// The names in an encryption context that belong to the formats.
const (
	contextCEKAlg = "aws:x-amz-cek-alg" // binds the content algorithm, in the modern wrap
	contextCMK    = "kms_cmk_id"        // names the key
)

type kmsPlain struct {
	label
	client wrap.KMS
	keyID  string
}

// NewKMSPlain returns a key that lets client wrap under the KEK keyID as the
// oldest clients did, a wrap that format V2 calls "kms". It serves
// [wrap.KMSPlain] and is also a [wrap.Generator]. For everything new there is
// [wrap.NewKMS].
//
// The encryption context is [wrap.Info.MatDesc], all of it. Nothing in it names
// the content algorithm, so whoever can write an object can relabel its content.
// An object that does name one there was sealed with the modern wrap; it is
// rejected unless that is [wrap.Info.ContentAlg].
//
// Every call names keyID. For writing, the description must have the entry
// "kms_cmk_id" with the value keyID, which old readers look for. For reading
// that entry is part of the context like any other, and never says which key to
// use.
//
// CEKs are 16, 24 or 32 bytes long. What client rejects, and any other CEK, is
// [wrap.ErrUnwrap]; other errors of client are passed through wrapped. Unlike the
// other keys of this package it computes nothing itself, and works in FIPS
// 140-only mode. The key ID is not checked and is shown when the key is printed.
// The key is safe for concurrent use.
func NewKMSPlain(client wrap.KMS, keyID string) (wrap.Key, error) {
	if client == nil {
		return nil, errors.New("wrap/legacy: KMS: missing client")
	}
	if keyID == "" {
		return nil, errors.New("wrap/legacy: KMS: missing key ID")
	}
	return &kmsPlain{label(fmt.Sprintf("legacy.KMSPlain(%q)", keyID)), client, keyID}, nil
}

func (k *kmsPlain) Algorithm() wrap.Algorithm { return wrap.KMSPlain }

func (k *kmsPlain) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	if err := checkCEK(cek); err != nil {
		return nil, err
	}
	if err := k.checkContext(info); err != nil {
		return nil, err
	}
	blob, err := k.client.Encrypt(ctx, k.keyID, cek, info.MatDesc)
	if err != nil {
		return nil, fmt.Errorf("wrap/legacy: KMS encrypt: %w", err)
	}
	if err := checkBlob(blob, len(cek)); err != nil {
		return nil, err
	}
	return blob, nil
}

func (k *kmsPlain) Generate(ctx context.Context, size int, info wrap.Info) (cek, wrapped []byte, err error) {
	if !isAESKeySize(size) {
		return nil, nil, fmt.Errorf("wrap/legacy: CEK: want 16, 24 or 32 bytes, got %d", size)
	}
	if err := k.checkContext(info); err != nil {
		return nil, nil, err
	}
	cek, wrapped, err = k.client.GenerateDataKey(ctx, k.keyID, size, info.MatDesc)
	switch {
	case err != nil:
		err = fmt.Errorf("wrap/legacy: KMS generate data key: %w", err)
	case len(cek) != size:
		err = fmt.Errorf("wrap/legacy: KMS generate data key: want %d bytes, got %d", size, len(cek))
	default:
		err = checkBlob(wrapped, size)
	}
	if err != nil {
		clear(cek)
		return nil, nil, err
	}
	return cek, wrapped, nil
}

func (k *kmsPlain) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	if alg != wrap.KMSPlain {
		return nil, notServed(k.label, alg)
	}
	// A promise of the modern wrap must not be lost by taking its name away.
	if bound, ok := info.MatDesc[contextCEKAlg]; len(wrapped) == 0 || ok && bound != info.ContentAlg {
		return nil, wrap.ErrUnwrap
	}
	cek, err := k.client.Decrypt(ctx, k.keyID, wrapped, info.MatDesc)
	switch {
	case err == nil && isAESKeySize(len(cek)):
		return cek, nil
	case err == nil || errors.Is(err, wrap.ErrUnwrap):
		err = wrap.ErrUnwrap // without the cause: one text for every rejection
	default:
		err = fmt.Errorf("wrap/legacy: KMS decrypt: %w", err)
	}
	clear(cek)
	return nil, err
}

// checkContext is for writing: an object should say the truth about its key, and
// must not carry what only the modern wrap may promise.
func (k *kmsPlain) checkContext(info wrap.Info) error {
	if got := info.MatDesc[contextCMK]; got != k.keyID {
		return fmt.Errorf("wrap/legacy: KMS context: entry %s: want %q, got %q", contextCMK, k.keyID, got)
	}
	if _, ok := info.MatDesc[contextCEKAlg]; ok {
		return fmt.Errorf("wrap/legacy: KMS context: entry %s is reserved", contextCEKAlg)
	}
	return nil
}

// checkBlob catches a service that answers with nothing, or with the key.
func checkBlob(blob []byte, size int) error {
	if len(blob) <= size {
		return fmt.Errorf("wrap/legacy: KMS: want a blob longer than the key of %d bytes, got %d", size, len(blob))
	}
	return nil
}
