// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"errors"
)

// kekSize is the size of the KEKs that GenerateKEK makes: AES-256.
const kekSize = 32

// GenerateKEK lets client make a KEK of 32 bytes and returns the key that newKey
// makes of it, for example [NewAESKeyWrap] or [NewAESGCM], together with the
// KEK encrypted under keyID: the blob, to be stored in the clear and given to
// [DecryptKEK]. Some clients keep such a blob beside each object instead of
// letting the KMS wrap the CEK.
//
// The blob is bound to encCtx, which may be empty, and to nothing else: whoever
// can replace it together with the wrapped key can put in another pair that was
// made under keyID. The KEK is cleared before GenerateKEK returns, so newKey must
// copy it, as the constructors of this module do.
//
// Errors of client are passed through wrapped, those of newKey as they are. It
// may be called concurrently.
func GenerateKEK(ctx context.Context, client KMS, keyID string, encCtx map[string]string, newKey func(kek []byte) (Key, error)) (key Key, blob []byte, err error) {
	if err := checkKEKSource(client, keyID, newKey); err != nil {
		return nil, nil, err
	}
	kek, blob, err := generate(ctx, client, keyID, kekSize, encCtx)
	if err != nil {
		return nil, nil, err
	}
	defer clear(kek)
	if key, err = newKey(kek); err != nil {
		return nil, nil, err
	}
	return key, blob, nil
}

// DecryptKEK returns the key that newKey makes of the KEK in blob, which was
// made by [GenerateKEK] or by another client's GenerateDataKey or Encrypt.
//
// A blob that client rejects, and one that does not hold 16, 24 or 32 bytes, is
// [ErrUnwrap]; other errors of client are passed through wrapped, those of newKey
// as they are. The KEK is cleared as by GenerateKEK. It may be called
// concurrently.
func DecryptKEK(ctx context.Context, client KMS, keyID string, blob []byte, encCtx map[string]string, newKey func(kek []byte) (Key, error)) (Key, error) {
	if err := checkKEKSource(client, keyID, newKey); err != nil {
		return nil, err
	}
	kek, err := decrypt(ctx, client, keyID, blob, encCtx)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	return newKey(kek)
}

func checkKEKSource(client KMS, keyID string, newKey func([]byte) (Key, error)) error {
	if newKey == nil {
		return errors.New("wrap: KMS: missing constructor of the key")
	}
	return checkKMS(client, keyID)
}
