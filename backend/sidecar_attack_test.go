// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

// TestAttackSidecar: whoever can write to the storage, and even has a key of his
// own in the same KMS, gets no object read but one that was sealed under ours.
func TestAttackSidecar(t *testing.T) {
	for _, w := range sidecarWays() {
		d, client := mem.New(), newCountingKMS(t, "alias/mallory")
		b := sidecarBucket(t, d, client, w.suite, w.alg)
		mallory := must(backend.NewSidecarKey(client, "alias/mallory", &backend.SidecarOptions{Wrap: w.alg}))(t)
		mustPut(t, b, "a", pattern(100))
		mustPut(t, profile{"", w.suite, mallory}.bucket(d), "m", pattern(100))
		mustPut(t, b, "b", pattern(100))
		info := must(d.Stat(t.Context(), "m"))(t)
		original := must(d.Stat(t.Context(), "a"))(t)
		content, sidecar := body(t, d, "a"), body(t, d, "a.key")
		flipped := []byte(sidecar)
		flipped[len(flipped)-1] ^= 1
		for what, forge := range map[string]func(){
			"his sidecar":            func() { raw(t, d, "a.key", body(t, d, "m.key"), nil) },
			"his pair":               func() { raw(t, d, "a.key", body(t, d, "m.key"), nil); raw(t, d, "a", body(t, d, "m"), info.Metadata) },
			"his object":             func() { raw(t, d, "a", body(t, d, "m"), info.Metadata) },
			"sidecar of another":     func() { raw(t, d, "a.key", body(t, d, "b.key"), nil) },
			"sidecar with a bit off": func() { raw(t, d, "a.key", string(flipped), nil) },
		} {
			forge()
			for how, read := range readings(t, b, "a") {
				if got, err := read(); err != envelope.ErrDecrypt && !errors.Is(err, errors.ErrUnsupported) || got != nil {
					t.Errorf("%v, %v, %s: %s = %d bytes, %v, want none, %v", w.suite, w.alg, what, how, len(got), err, envelope.ErrDecrypt)
				}
			}
			raw(t, d, "a", content, original.Metadata)
			raw(t, d, "a.key", sidecar, nil)
		}
		wantObject(t, b, "a", pattern(100))
	}
}

// TestSidecarTransport: a sidecar that does not arrive as it is stored is an
// error of the transport, not an answer about the object, and nothing stays open.
func TestSidecarTransport(t *testing.T) {
	store, client := mem.New(), newCountingKMS(t)
	mustPut(t, sidecarBucket(t, store, client, envelope.V3, 0), "a", pattern(100))
	info := must(sidecarBucket(t, store, client, envelope.V3, 0).Stat(t.Context(), "a"))(t)
	key := sidecarKey(t, client, 0)
	client.calls = nil
	for what, c := range map[string]struct {
		faults backendtest.Faults
		want   error
	}{
		"breaks": {backendtest.Faults{GetError: errDenied, GetAt: 5}, errDenied},
		"ends":   {backendtest.Faults{GetError: io.EOF, GetAt: 5}, backend.ErrSize},
		"cut":    {backendtest.Faults{GetError: io.ErrUnexpectedEOF, GetAt: 5}, io.ErrUnexpectedEOF},
		"longer": {backendtest.Faults{GetExtra: []byte("x")}, backend.ErrSize},
		"large":  {backendtest.Faults{Info: func(i *backend.Info) { i.Size = 1 << 40 }}, backend.ErrSidecar},
	} {
		d := backendtest.Faulty(store, c.faults)
		_, err := backend.NewOpener(t.Context(), d, "a", info.Header, key, nil)
		wantErr(t, what, err, c.want)
		if errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("%s: %v, which is an answer", what, err)
		}
		if n := d.OpenBodies(); n != 0 {
			t.Errorf("%s: %d bodies are open", what, n)
		}
	}
	client.wantCalls(t)

	d := backendtest.Faulty(store, backendtest.Faults{})
	if err := d.Delete(t.Context(), "a.key"); err != nil {
		t.Fatal(err)
	}
	_, err := backend.NewBucket(d, nil, key, nil).Get(t.Context(), "a")
	wantErr(t, "missing", err, backend.ErrNoSidecar)
	if n := d.OpenBodies(); n != 0 {
		t.Errorf("missing: %d bodies are open", n)
	}
}

// TestSidecarAnyBlob: whatever bytes a KMS takes for a blob, it gets them back.
func TestSidecarAnyBlob(t *testing.T) {
	client := newCountingKMS(t)
	rapid.Check(t, func(rt *rapid.T) {
		alphabet := rapid.SampledFrom([]string{"Aa1+/=", "A= \n", "\x00\xffA\n", "-_A"}).Draw(rt, "alphabet")
		blob := rapid.SliceOfN(rapid.SampledFrom([]byte(alphabet)), 33, 120).Draw(rt, "blob")
		word := func([]byte) string { return string(blob) }
		d := mem.New()
		b := sidecarBucket(t, d, &wordyKMS{client, make(map[string][]byte), word}, envelope.V3, 0)
		if _, err := b.Put(t.Context(), "a", bytes.NewReader(blob), -1, nil); err != nil {
			rt.Fatal(err)
		}
		if got, err := readAll(b.Get(t.Context(), "a")); err != nil || !bytes.Equal(got, blob) {
			rt.Fatalf("Get = %q, %v, want %q", got, err, blob)
		}
	})
}

// TestSidecarNoWriteCache: a CEK that was wrapped for one object must not be used
// for another one, whose sidecar holds another KEK.
func TestSidecarNoWriteCache(t *testing.T) {
	if c, err := envelope.NewWriteCache(sidecarKey(t, newCountingKMS(t), 0), nil); err == nil || c != nil {
		t.Errorf("NewWriteCache = %v, %v, want nil and an error", c, err)
	}
}
