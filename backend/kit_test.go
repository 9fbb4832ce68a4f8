// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// A profile is a way to seal together with the options that open it.
type profile struct {
	name  string
	suite envelope.Suite
	key   wrap.Key
}

// kek is no secret: 32 bytes that make every run alike.
func kek(size int) []byte { return bytes.Repeat([]byte{0x5a}, size) }

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// profiles returns every suite that can be written, and every kind of key.
func profiles(t testing.TB) []profile {
	t.Helper()
	private := must(rsaKey())(t)
	gcm := must(wrap.NewAESGCM(kek(32)))(t)
	return []profile{
		{"V3", envelope.V3, gcm},
		{"V3-RSA", envelope.V3, must(wrap.NewRSAOAEPKey(private))(t)},
		{"V2GCM", envelope.V2GCM, gcm},
		{"V2GCM-AESWrap", envelope.V2GCM, must(wrap.NewAESKeyWrap(kek(16)))(t)},
		{"V2CBC", envelope.V2CBC, gcm},
		{"V1-AES", envelope.V1, must(legacy.NewAESECB(kek(24)))(t)},
		{"V1-RSA", envelope.V1, must(legacy.NewRSAPKCS1Key(private))(t)},
	}
}

// suites returns one profile of each suite, for tests that take long.
func suites(t testing.TB) []profile {
	t.Helper()
	return slices.DeleteFunc(profiles(t), func(p profile) bool { return strings.Contains(p.name, "RSA") || strings.Contains(p.name, "Wrap") })
}

func (p profile) authenticated() bool { return p.suite == envelope.V3 || p.suite == envelope.V2GCM }

// everything lets all in, and hands out GCM plaintext as rule says.
func everything(rule envelope.Release) envelope.OpenOptions {
	return envelope.OpenOptions{
		AllowUncommitted:           true,
		AllowLegacyWraps:           true,
		AllowLegacyCBC:             true,
		AllowUnauthenticatedCTR:    true,
		AllowUnauthenticatedRanges: true,
		Release:                    rule,
	}
}

// noResume is for tests of what happens where resuming does not help.
var noResume = backend.DownloadOptions{Resumes: -1}

// bucket returns a bucket of this profile that opens everything.
func (p profile) bucket(d backend.Driver) *backend.Bucket {
	return backend.NewBucket(d, p.key, p.key, &backend.Options{
		Seal: envelope.SealOptions{Suite: p.suite},
		Open: everything(nil), Download: noResume,
	})
}

// v3 returns a bucket with safe options.
func v3(t testing.TB, d backend.Driver) *backend.Bucket {
	t.Helper()
	key := must(wrap.NewAESGCM(kek(32)))(t)
	return backend.NewBucket(d, key, key, nil)
}

// readAll reads and closes what a Get returned.
func readAll(o *backend.Object, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(o)
	if closeErr := o.Close(); err == nil {
		err = closeErr
	}
	return data, err
}

// pattern returns n bytes in which no two neighbouring blocks are alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// wantObject fails the test unless the plaintext under key is want.
func wantObject(t testing.TB, b *backend.Bucket, key string, want []byte) {
	t.Helper()
	got, err := readAll(b.Get(t.Context(), key))
	if err != nil {
		t.Fatalf("Get(%q) = %v", key, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("Get(%q): %d bytes that are not the %d stored", key, len(got), len(want))
	}
}

// wantErr fails the test unless err wraps target and is no bare end of data.
func wantErr(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		t.Errorf("%s: bare %v", what, err)
	}
}

// wantNone fails the test unless nothing is stored under key.
func wantNone(t testing.TB, d backend.Driver, key string) {
	t.Helper()
	if _, err := d.Stat(t.Context(), key); !errors.Is(err, backend.ErrNotExist) {
		t.Errorf("Stat(%q) = %v, want ErrNotExist", key, err)
	}
}
