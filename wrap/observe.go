// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A KMSCall is a call of a [KMS] that has ended.
type KMSCall struct {
	Method string        // GenerateDataKey, Encrypt or Decrypt
	KeyID  string        // that the call named
	Took   time.Duration // until it had ended
	Err    error         // that it returned
}

// ObserveKMS returns a KMS that calls done after each call of k, for logs and
// metrics. The call carries neither keys, blobs nor the encryption context.
//
// done is called in the goroutine of the call, which waits for it, and must be
// safe for concurrent use. It cannot change the result. A missing k or done is an
// error. What is returned is safe for concurrent use if k is.
func ObserveKMS(k KMS, done func(KMSCall)) (KMS, error) {
	if k == nil || done == nil {
		return nil, errors.New("wrap: ObserveKMS: want a KMS and a function, got nil")
	}
	return &observedKMS{label(fmt.Sprintf("wrap.ObserveKMS(%T)", k)), &k, done}, nil
}

type observedKMS struct {
	label
	kms  *KMS // a pointer, because fmt looks behind one where it cannot ask
	done func(KMSCall)
}

func (o *observedKMS) ended(method, keyID string, start time.Time, err *error) {
	o.done(KMSCall{method, keyID, time.Since(start), *err})
}

func (o *observedKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	defer o.ended("GenerateDataKey", keyID, time.Now(), &err)
	return (*o.kms).GenerateDataKey(ctx, keyID, size, encCtx)
}

func (o *observedKMS) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) (blob []byte, err error) {
	defer o.ended("Encrypt", keyID, time.Now(), &err)
	return (*o.kms).Encrypt(ctx, keyID, plain, encCtx)
}

func (o *observedKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) (plain []byte, err error) {
	defer o.ended("Decrypt", keyID, time.Now(), &err)
	return (*o.kms).Decrypt(ctx, keyID, blob, encCtx)
}
