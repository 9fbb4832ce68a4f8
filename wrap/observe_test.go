// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/localkms"
)

func ExampleObserveKMS() {
	kms := localkms.New()
	if err := kms.CreateKey("alias/app"); err != nil {
		log.Fatal(err)
	}
	observed, err := wrap.ObserveKMS(kms, func(c wrap.KMSCall) {
		fmt.Println(c.Method, c.KeyID, c.Err) // c.Took is for the metrics
	})
	if err != nil {
		log.Fatal(err)
	}
	key, err := wrap.NewKMS(observed, "alias/app")
	if err != nil {
		log.Fatal(err)
	}
	info := wrap.Info{ContentAlg: "AES/GCM/NoPadding", MatDesc: map[string]string{"aws:x-amz-cek-alg": "AES/GCM/NoPadding"}}
	wrapped, err := key.Wrap(context.Background(), make([]byte, 32), info)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := key.Unwrap(context.Background(), wrap.KMSContext, wrapped, info); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Encrypt alias/app <nil>
	// Decrypt alias/app <nil>
}

// TestObserveKMS makes each call once, well and badly. Results pass unchanged,
// and what is told shows neither keys nor blobs.
func TestObserveKMS(t *testing.T) {
	kms := localkms.New()
	if err := kms.CreateKey("k"); err != nil {
		t.Fatal(err)
	}
	var told []wrap.KMSCall
	o, err := wrap.ObserveKMS(kms, func(c wrap.KMSCall) { told = append(told, c) })
	if err != nil {
		t.Fatal(err)
	}
	plain, blob, err := o.GenerateDataKey(t.Context(), "k", 32, nil)
	if err != nil || len(plain) != 32 {
		t.Fatalf("GenerateDataKey: %d bytes, %v", len(plain), err)
	}
	if got, err := o.Decrypt(t.Context(), "k", blob, nil); err != nil || !slices.Equal(got, plain) {
		t.Errorf("Decrypt: want the key, got another, %v", err)
	}
	if _, err := o.Decrypt(t.Context(), "k", blob, map[string]string{"a": "b"}); !errors.Is(err, wrap.ErrUnwrap) {
		t.Errorf("Decrypt: want ErrUnwrap, got %v", err)
	}
	if _, err := o.Encrypt(t.Context(), "none", plain, nil); err == nil {
		t.Error("Encrypt: want an error for a key that is not there")
	}
	var got []string
	for _, c := range told {
		got = append(got, fmt.Sprintf("%s %s %t", c.Method, c.KeyID, c.Err == nil))
		if text := fmt.Sprintf("%+v", c); strings.Contains(text, string(plain)) || strings.Contains(text, string(blob)) || c.Took < 0 {
			t.Errorf("want nothing secret and no negative time, got %q", text)
		}
	}
	want := []string{"GenerateDataKey k true", "Decrypt k true", "Decrypt k false", "Encrypt none false"}
	if !slices.Equal(got, want) {
		t.Errorf("want %q, got %q", want, got)
	}
	if _, err := wrap.ObserveKMS(nil, func(wrap.KMSCall) {}); err == nil {
		t.Error("want an error without a KMS")
	}
	if _, err := wrap.ObserveKMS(kms, nil); err == nil {
		t.Error("want an error without a function")
	}
}

// A valueKMS is a KMS of somebody else that is no pointer, so that fmt looks into it.
type valueKMS struct {
	wrap.KMS
	secret [32]byte
}

// TestObservedKMSPrintsNothing: what the KMS holds is not printed of it.
func TestObservedKMSPrintsNothing(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	o, err := wrap.ObserveKMS(valueKMS{secret: [32]byte(secret)}, func(wrap.KMSCall) {})
	if err != nil {
		t.Fatal(err)
	}
	printtest.Hides(t, o, secret)
	if got, want := fmt.Sprintf("%+v", o), "wrap.ObserveKMS(wrap_test.valueKMS)"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
