// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

const (
	kmsKeyID     = "arn:aws:kms:eu-west-1:111111111111:key/ours"
	kmsForeignID = "arn:aws:kms:eu-west-1:666666666666:key/theirs"
)

// A recordingKMS writes down the key IDs that it is asked for.
type recordingKMS struct {
	wrap.KMS
	asked []string
	err   error
}

func newRecordingKMS(t testing.TB) *recordingKMS {
	t.Helper()
	kms := localkms.New()
	for _, id := range []string{kmsKeyID, kmsForeignID} {
		if err := kms.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	return &recordingKMS{KMS: kms}
}

func (r *recordingKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) ([]byte, []byte, error) {
	r.asked = append(r.asked, keyID)
	if r.err != nil {
		return nil, nil, r.err
	}
	return r.KMS.GenerateDataKey(ctx, keyID, size, encCtx)
}

func (r *recordingKMS) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) ([]byte, error) {
	r.asked = append(r.asked, keyID)
	if r.err != nil {
		return nil, r.err
	}
	return r.KMS.Encrypt(ctx, keyID, plain, encCtx)
}

func (r *recordingKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	r.asked = append(r.asked, keyID)
	if r.err != nil {
		return nil, r.err
	}
	return r.KMS.Decrypt(ctx, keyID, blob, encCtx)
}

func mustKMSPlain(t testing.TB, client wrap.KMS, keyID string) wrap.Key {
	t.Helper()
	k, err := legacy.NewKMSPlain(client, keyID)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func kmsInfo() wrap.Info {
	return wrap.Info{ContentAlg: "AES/CBC/PKCS5Padding", MatDesc: map[string]string{"kms_cmk_id": kmsKeyID, "user": "alice"}}
}

func wantKMSRejected(t *testing.T, u wrap.Unwrapper, wrapped []byte, info wrap.Info) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), wrap.KMSPlain, wrapped, info)
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Unwrap = %x, %v, want nil, %v", got, err, wrap.ErrUnwrap)
	}
}

func TestKMSPlainRoundTrip(t *testing.T) {
	k, info := mustKMSPlain(t, newRecordingKMS(t), kmsKeyID), kmsInfo()
	for _, size := range []int{16, 24, 32} {
		made := bytes.Repeat([]byte{7}, size)
		wrapped, err := k.Wrap(t.Context(), made, info)
		if err != nil {
			t.Fatal(err)
		}
		cek, generated, err := k.(wrap.Generator).Generate(t.Context(), size, info)
		if err != nil || len(cek) != size {
			t.Fatalf("Generate = %d bytes, %v, want %d, nil", len(cek), err, size)
		}
		for _, c := range []struct{ wrapped, want []byte }{{wrapped, made}, {generated, cek}} {
			got, err := k.Unwrap(t.Context(), wrap.KMSPlain, c.wrapped, info)
			if err != nil || !bytes.Equal(got, c.want) {
				t.Errorf("Unwrap = %x, %v, want %x, nil", got, err, c.want)
			}
		}
	}
	if k.Algorithm() != wrap.KMSPlain {
		t.Errorf("Algorithm = %v, want %v", k.Algorithm(), wrap.KMSPlain)
	}
}

// TestAttackForeignKMSKey: the key that an object names is never the one used.
func TestAttackForeignKMSKey(t *testing.T) {
	client := newRecordingKMS(t)
	theirs := mustKMSPlain(t, client, kmsForeignID)
	info := kmsInfo()
	info.MatDesc["kms_cmk_id"] = kmsForeignID
	forged, err := theirs.Wrap(t.Context(), make([]byte, 32), info)
	if err != nil {
		t.Fatal(err)
	}
	client.asked = nil
	wantKMSRejected(t, mustKMSPlain(t, client, kmsKeyID), forged, info)
	if got := fmt.Sprint(client.asked); got != fmt.Sprint([]string{kmsKeyID}) {
		t.Errorf("the KMS was asked for %s, want %s", got, kmsKeyID)
	}
}

func TestKMSPlainContext(t *testing.T) {
	client := newRecordingKMS(t)
	k, info := mustKMSPlain(t, client, kmsKeyID), kmsInfo()
	wrapped, err := k.Wrap(t.Context(), make([]byte, 32), info)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]string){
		"without user":       func(m map[string]string) { delete(m, "user") },
		"other user":         func(m map[string]string) { m["user"] = "bob" },
		"without kms_cmk_id": func(m map[string]string) { delete(m, "kms_cmk_id") },
		"other kms_cmk_id":   func(m map[string]string) { m["kms_cmk_id"] = kmsForeignID },
		"more":               func(m map[string]string) { m["x"] = "" },
		"empty":              func(m map[string]string) { clear(m) },
	} {
		t.Run(name, func(t *testing.T) {
			other := wrap.Info{ContentAlg: info.ContentAlg, MatDesc: maps.Clone(info.MatDesc)}
			change(other.MatDesc)
			wantKMSRejected(t, k, wrapped, other)
		})
	}
	// Content algorithms are not bound: that is what makes this wrap a legacy.
	if _, err := k.Unwrap(t.Context(), wrap.KMSPlain, wrapped, wrap.Info{ContentAlg: "other", MatDesc: info.MatDesc}); err != nil {
		t.Errorf("Unwrap with another content algorithm = %v, want nil", err)
	}
}

// TestAttackKMSRelabelled: the modern wrap under the old name still binds.
func TestAttackKMSRelabelled(t *testing.T) {
	client := newRecordingKMS(t)
	modern, err := wrap.NewKMS(client, kmsKeyID)
	if err != nil {
		t.Fatal(err)
	}
	info := wrap.Info{ContentAlg: "AES/GCM/NoPadding", MatDesc: map[string]string{"aws:x-amz-cek-alg": "AES/GCM/NoPadding"}}
	wrapped, err := modern.Wrap(t.Context(), make([]byte, 32), info)
	if err != nil {
		t.Fatal(err)
	}
	client.asked = nil
	old := mustKMSPlain(t, client, kmsKeyID)
	for _, alg := range []string{"", "AES/CBC/PKCS5Padding", "AES/CTR/NoPadding"} {
		wantKMSRejected(t, old, wrapped, wrap.Info{ContentAlg: alg, MatDesc: info.MatDesc})
	}
	wantKMSRejected(t, old, nil, kmsInfo())
	if len(client.asked) != 0 {
		t.Errorf("the KMS was asked %d times, want 0", len(client.asked))
	}
}

func TestKMSPlainRefusals(t *testing.T) {
	client := newRecordingKMS(t)
	k := mustKMSPlain(t, client, kmsKeyID)
	for _, alg := range allAlgorithmsButKMSPlain() {
		if _, err := k.Unwrap(t.Context(), alg, make([]byte, 60), kmsInfo()); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("Unwrap(%v) = %v, want %v", alg, err, wrap.ErrNoKey)
		}
	}
	for name, m := range map[string]map[string]string{
		"no kms_cmk_id": nil, "other kms_cmk_id": {"kms_cmk_id": kmsForeignID},
		"modern entry": {"kms_cmk_id": kmsKeyID, "aws:x-amz-cek-alg": "AES/CBC/PKCS5Padding"},
	} {
		info := wrap.Info{ContentAlg: "AES/CBC/PKCS5Padding", MatDesc: m}
		_, errWrap := k.Wrap(t.Context(), make([]byte, 32), info)
		_, _, errGenerate := k.(wrap.Generator).Generate(t.Context(), 32, info)
		if errWrap == nil || errGenerate == nil {
			t.Errorf("%s: Wrap = %v, Generate = %v, want errors", name, errWrap, errGenerate)
		}
	}
	_, errWrap := k.Wrap(t.Context(), make([]byte, 31), kmsInfo())
	_, _, errGenerate := k.(wrap.Generator).Generate(t.Context(), 31, kmsInfo())
	_, errClient := legacy.NewKMSPlain(nil, "k")
	_, errID := legacy.NewKMSPlain(client, "")
	for i, err := range []error{errWrap, errGenerate, errClient, errID} {
		if err == nil {
			t.Errorf("refusal %d: got nil, want an error", i)
		}
	}
	if len(client.asked) != 0 {
		t.Errorf("the KMS was asked %d times, want 0", len(client.asked))
	}
}

func allAlgorithmsButKMSPlain() []wrap.Algorithm {
	var out []wrap.Algorithm
	for alg := wrap.Unnamed; alg <= wrap.RSARaw+1; alg++ {
		if alg != wrap.KMSPlain {
			out = append(out, alg)
		}
	}
	return out
}

func TestKMSPlainErrors(t *testing.T) {
	client := newRecordingKMS(t)
	client.err = errors.New("throttled")
	k, info := mustKMSPlain(t, client, kmsKeyID), kmsInfo()
	_, errUnwrap := k.Unwrap(t.Context(), wrap.KMSPlain, make([]byte, 60), info)
	_, errWrap := k.Wrap(t.Context(), make([]byte, 32), info)
	_, _, errGenerate := k.(wrap.Generator).Generate(t.Context(), 32, info)
	for what, err := range map[string]error{"Unwrap": errUnwrap, "Wrap": errWrap, "Generate": errGenerate} {
		if !errors.Is(err, client.err) || errors.Is(err, wrap.ErrUnwrap) || !strings.HasPrefix(err.Error(), "wrap/legacy: KMS ") {
			t.Errorf("%s = %v, want %v, wrapped", what, err, client.err)
		}
	}
	for _, b := range []wraptest.BrokenKMS{{Plain: make([]byte, 31), Blob: make([]byte, 60)}, {Plain: make([]byte, 32), Blob: make([]byte, 32)}, {}} {
		broken := mustKMSPlain(t, b, kmsKeyID)
		if cek, _, err := broken.(wrap.Generator).Generate(t.Context(), 32, info); err == nil || cek != nil {
			t.Errorf("Generate of a broken KMS = %x, %v, want nil and an error", cek, err)
		}
		if len(b.Plain) != 32 {
			wantKMSRejected(t, broken, []byte("blob"), info)
		}
		if _, err := broken.Wrap(t.Context(), make([]byte, 32), info); (err == nil) != (len(b.Blob) == 60) {
			t.Errorf("Wrap with a blob of %d bytes = %v, want ok = %t", len(b.Blob), err, len(b.Blob) == 60)
		}
	}
}

func TestKMSPlainSaysWhatItIs(t *testing.T) {
	k := mustKMSPlain(t, newRecordingKMS(t), kmsKeyID)
	if got, want := fmt.Sprintf("%#v", k), fmt.Sprintf("legacy.KMSPlain(%q)", kmsKeyID); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
