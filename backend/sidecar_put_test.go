// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// TestSidecarOverwrite: at every moment of a put over an object, and after it
// has failed at whatever call, somebody who reads gets the old object or the new
// one.
func TestSidecarOverwrite(t *testing.T) {
	older, newer := pattern(100), pattern(4101)
	for _, fail := range []string{"", "get a.key", "put a", "get a.key 2"} {
		t.Run(fail, func(t *testing.T) {
			store, client := mem.New(), newCountingKMS(t)
			reader := sidecarBucket(t, store, client, envelope.V2GCM, wrap.AESKW)
			mustPut(t, reader, "a", older)
			blob, gets := body(t, store, "a.key"), 0
			readable := func(when string) {
				t.Helper()
				got, err := readAll(reader.Get(t.Context(), "a"))
				if err != nil || !bytes.Equal(got, older) && !bytes.Equal(got, newer) {
					t.Errorf("%s: Get = %d bytes, %v, want the old or the new object", when, len(got), err)
				}
			}
			d := &hooked{Driver: store}
			d.on = func(op, key string) error {
				readable("before " + op + " " + key)
				call := op + " " + key
				if call == "get a.key" {
					if gets++; gets == 2 {
						call += " 2"
					}
				}
				if call == fail {
					return errDenied
				}
				return nil
			}
			_, err := sidecarBucket(t, d, client, envelope.V2GCM, wrap.AESKW).Put(t.Context(), "a", bytes.NewReader(newer), -1, nil)
			if (err == nil) != (fail == "") || fail != "" && !errors.Is(err, errDenied) {
				t.Errorf("Put = %v", err)
			}
			readable("afterwards")
			if body(t, store, "a.key") != blob {
				t.Error("the sidecar was replaced")
			}
		})
	}
}

// TestSidecarFailedPut: a first put that fails at whatever call leaves at worst
// a sidecar, and the next put uses it.
func TestSidecarFailedPut(t *testing.T) {
	for _, c := range []struct {
		fail string
		next string // what the next put asks the KMS
	}{
		{"get a.key", "GenerateDataKey"},
		{"stat a.key", "GenerateDataKey"},
		{"put a.key", "GenerateDataKey"},
		{"put a", "Decrypt"},
	} {
		t.Run(c.fail, func(t *testing.T) {
			store, client := mem.New(), newCountingKMS(t)
			// Without conditions it takes all these calls.
			d := &hooked{Driver: simple{store}, on: failing(c.fail, errDenied)}
			_, err := sidecarBucket(t, d, client, envelope.V3, 0).Put(t.Context(), "a", strings.NewReader("text"), -1, nil)
			wantErr(t, "Put", err, errDenied)
			wantNone(t, store, "a")
			client.calls = nil
			b := sidecarBucket(t, store, client, envelope.V3, 0)
			mustPut(t, b, "a", pattern(100))
			client.wantCalls(t, c.next)
			wantObject(t, b, "a", pattern(100))
		})
	}
}

// TestSidecarFaults: a source or a transport that breaks in the body does not
// harm the object before, whichever kind of wrong it does.
func TestSidecarFaults(t *testing.T) {
	broken := errors.New("source is broken")
	for what, f := range map[string]backendtest.Faults{
		"source": {}, "put error": {PutError: errDenied, PutAt: 7}, "hidden": {PutHidesCause: true},
		"stops": {PutStops: true, PutAt: 0},
	} {
		t.Run(what, func(t *testing.T) {
			store, client := mem.New(), newCountingKMS(t)
			b := sidecarBucket(t, store, client, envelope.V3, 0)
			mustPut(t, b, "a", pattern(100))
			blob := body(t, store, "a.key")
			faulty := sidecarBucket(t, backendtest.Faulty(store, f), client, envelope.V3, 0)
			src := io.MultiReader(bytes.NewReader(pattern(300)), iotest.ErrReader(broken))
			if _, err := faulty.Put(t.Context(), "a", src, -1, nil); err == nil {
				t.Fatal("Put = nil")
			}
			if body(t, store, "a.key") != blob {
				t.Error("the sidecar was replaced")
			}
			if what == "stops" { // the object is lost to a storage that lies, the key is not
				return
			}
			wantObject(t, b, "a", pattern(100))
		})
	}
	// The sidecar itself: what was stored of it is not what was sent.
	store, client := mem.New(), newCountingKMS(t)
	faulty := sidecarBucket(t, backendtest.Faulty(store, backendtest.Faults{PutStops: true, PutAt: 20}), client, envelope.V3, 0)
	if _, err := faulty.Put(t.Context(), "a", strings.NewReader("text"), -1, nil); !errors.Is(err, backend.ErrSize) {
		t.Errorf("Put = %v, want %v", err, backend.ErrSize)
	}
	wantNone(t, store, "a")
	_, err := sidecarBucket(t, store, client, envelope.V3, 0).Put(t.Context(), "a", strings.NewReader("text"), -1, nil)
	wantErr(t, "Put beside half a sidecar", err, backend.ErrSidecar)
}

// TestSidecarAborted: a Create that is given up leaves the object before.
func TestSidecarAborted(t *testing.T) {
	store, client := mem.New(), newCountingKMS(t)
	b := sidecarBucket(t, store, client, envelope.V3, 0)
	mustPut(t, b, "a", pattern(100))
	w := must(b.Create(t.Context(), "a", nil))(t)
	io.WriteString(w, "half")
	w.Abort(nil)
	wantErr(t, "Close", w.Close(), backend.ErrAborted)
	wantObject(t, b, "a", pattern(100))
}

// TestSidecarNeverReplaced: what is in the place of a sidecar and is none stays,
// whatever it is, and so does the object.
func TestSidecarNeverReplaced(t *testing.T) {
	for what, data := range map[string]string{
		"private key": "-----BEGIN PRIVATE KEY-----\n", "empty": "", "large": strings.Repeat("x", 10<<10), "base64": "c29tZSB0ZXh0",
	} {
		d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
		raw(t, d, "server.key", data, map[string]string{"owner": "me"})
		d.calls = nil
		b := sidecarBucket(t, d, client, envelope.V3, 0)
		_, err := b.Put(t.Context(), "server", strings.NewReader("text"), -1, nil)
		wantErr(t, what, err, backend.ErrSidecar)
		if errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, wrap.ErrUnwrap) {
			t.Errorf("%s: %v, want it to say more", what, err)
		}
		d.wantCalls(t, "get server.key")
		wantNone(t, d, "server")
	}
}

// TestSidecarNames: an object cannot be put in the place of a sidecar, before
// anything is asked.
func TestSidecarNames(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	b := sidecarBucket(t, d, client, envelope.V3, 0)
	mustPut(t, b, "a", pattern(100))
	d.calls, client.calls = nil, nil
	for _, key := range []string{"a.key", ".key", "a.key.key", "dir/.key"} {
		_, err := b.Put(t.Context(), key, strings.NewReader("text"), -1, nil)
		wantErr(t, key, err, backend.ErrKey)
		_, err = b.Create(t.Context(), key, nil)
		wantErr(t, key, err, backend.ErrKey)
	}
	d.wantCalls(t)
	client.wantCalls(t)
	for _, key := range []string{"a.keys", "akey", "key", "a.KEY"} {
		mustPut(t, b, key, pattern(10))
		wantObject(t, b, key, pattern(10))
	}
	if err := b.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stat(t.Context(), "a.key"); err != nil {
		t.Errorf("after Delete, Stat(a.key) = %v, want nil", err)
	}
	client.calls = nil
	mustPut(t, b, "a", pattern(50)) // under the KEK that stayed
	client.wantCalls(t, "Decrypt")
	wantObject(t, b, "a", pattern(50))
	if err := b.Delete(t.Context(), "a.key"); err != nil { // who asks for it gets it
		t.Errorf("Delete(a.key) = %v", err)
	}
	wantNone(t, d, "a.key")
}

// TestSidecarNothingStored: what fails before the body is asked for leaves
// nothing at all.
func TestSidecarNothingStored(t *testing.T) {
	d, client := mem.New(), newCountingKMS(t)
	b := sidecarBucket(t, d, client, envelope.V3, 0)
	_, err := b.Put(t.Context(), "a", nil, stream.GCMMaxSize+1, nil)
	wantErr(t, "too large", err, stream.ErrTooLarge)
	_, err = b.Put(t.Context(), "a", nil, -1, &backend.PutOptions{Metadata: map[string]string{"n": strings.Repeat("x", 2048)}})
	wantErr(t, "metadata", err, backend.ErrMetadata)
	if _, err := sidecarBucket(t, d, client, envelope.V3, wrap.AESKW).Put(t.Context(), "a", nil, -1, nil); err == nil || !strings.Contains(err.Error(), "V2-GCM") {
		t.Errorf("V3 with AESWrap: %v, want what to use instead", err)
	}
	down := errors.New("throttled")
	client.err = down
	_, err = b.Put(t.Context(), "a", nil, -1, nil)
	wantErr(t, "KMS", err, down)
	wantNone(t, d, "a.key")
	wantNone(t, d, "a")
}

// A wordyKMS returns blobs of its own making. Those of the KMS inside are what
// they stand for.
type wordyKMS struct {
	wrap.KMS
	blobs map[string][]byte
	make  func(blob []byte) string
}

func (k *wordyKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	plain, blob, err = k.KMS.GenerateDataKey(ctx, keyID, size, encCtx)
	word := k.make(blob)
	k.blobs[word] = blob
	return plain, []byte(word), err
}

func (k *wordyKMS) Decrypt(ctx context.Context, keyID string, blob []byte, encCtx map[string]string) ([]byte, error) {
	return k.KMS.Decrypt(ctx, keyID, k.blobs[string(blob)], encCtx)
}

// TestSidecarBlobs: whatever a KMS calls a blob comes back as it was, and one
// that no reader would take is not stored.
func TestSidecarBlobs(t *testing.T) {
	for what, c := range map[string]struct {
		make func(blob []byte) string
		want error
	}{
		"base64":     {func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }, nil},
		"base64 url": {func(b []byte) string { return base64.URLEncoding.EncodeToString(b) }, nil},
		"lines":      {func(b []byte) string { return "\n" + base64.StdEncoding.EncodeToString(b) + "\n" }, nil},
		"text":       {func(b []byte) string { return "vault:v1:" + base64.StdEncoding.EncodeToString(b) }, nil},
		"spaces":     {func(b []byte) string { return " " + string(b) + "\n" }, nil},
		"largest":    {func(b []byte) string { return strings.Repeat("\x01", backend.MaxSidecarSize) }, nil},
		"too large":  {func(b []byte) string { return strings.Repeat("\x01", backend.MaxSidecarSize+1) }, backend.ErrSidecar},
	} {
		d := mem.New()
		b := sidecarBucket(t, d, &wordyKMS{newCountingKMS(t), make(map[string][]byte), c.make}, envelope.V3, 0)
		_, err := b.Put(t.Context(), "a", bytes.NewReader(pattern(100)), -1, nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Put = %v, want %v", what, err, c.want)
		}
		if err != nil {
			wantNone(t, d, "a.key")
			continue
		}
		wantObject(t, b, "a", pattern(100))
	}
}

// TestSidecarKeyTooLong: where the name of the sidecar is one that the storage
// cannot have, there is none to read, and no object to put.
func TestSidecarKeyTooLong(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	b := sidecarBucket(t, d, client, envelope.V3, 0)
	mustPut(t, b, "a", pattern(100))
	client.calls = nil
	d.on = failing("get a.key", backend.ErrKey)
	_, err := b.Get(t.Context(), "a")
	wantErr(t, "Get", err, backend.ErrNoSidecar)
	_, err = b.Put(t.Context(), "a", nil, 0, nil)
	wantErr(t, "Put", err, backend.ErrKey)
	client.wantCalls(t)
}

// TestSidecarOvertaken: a put whose object was replaced, with another sidecar,
// leaves both alone.
func TestSidecarOvertaken(t *testing.T) {
	client, elsewhere := newCountingKMS(t), mem.New()
	mustPut(t, sidecarBucket(t, elsewhere, client, envelope.V3, 0), "a", pattern(200))
	d := &hooked{Driver: mem.New()}
	stored := false
	d.on = func(op, key string) error {
		if stored = stored || op == "put" && key == "a"; stored && op == "get" {
			stored, d.on = false, nil
			raw(t, d.Driver, "a.key", body(t, elsewhere, "a.key"), nil)
			raw(t, d.Driver, "a", body(t, elsewhere, "a"), must(elsewhere.Stat(t.Context(), "a"))(t).Metadata)
		}
		return nil
	}
	b := sidecarBucket(t, d, client, envelope.V3, 0)
	_, err := b.Put(t.Context(), "a", bytes.NewReader(pattern(100)), -1, nil)
	wantErr(t, "Put", err, backend.ErrChanged)
	d.wantCalls(t, "get a.key", "put a.key", "put a", "get a.key", "stat a")
	wantObject(t, b, "a", pattern(200))
}

// An unwrapFunc is an Unwrapper.
type unwrapFunc func(ctx context.Context) ([]byte, error)

func (f unwrapFunc) Unwrap(ctx context.Context, _ wrap.Algorithm, _ []byte, _ wrap.Info) ([]byte, error) {
	return f(ctx)
}

// TestSidecarOnlyPutsWrap: nothing is wrapped where nobody would store the
// sidecar.
func TestSidecarOnlyPutsWrap(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	key := sidecarKey(t, client, 0)
	mustPut(t, backend.NewBucket(d, key, nil, nil), "a", nil)
	d.calls, client.calls = nil, nil
	_, err := backend.NewBucket(d, nil, unwrapFunc(func(ctx context.Context) ([]byte, error) {
		return key.Wrap(ctx, make([]byte, 32), wrap.Info{ContentAlg: "115"})
	}), nil).Get(t.Context(), "a")
	wantErr(t, "Wrap while opening", err, wrap.ErrNoKey)
	d.wantCalls(t, "get a")
	client.wantCalls(t)
}

// A twiceWrapper asks one key and then another.
type twiceWrapper struct{ first, second wrap.Wrapper }

func (w twiceWrapper) Algorithm() wrap.Algorithm { return w.first.Algorithm() }

func (w twiceWrapper) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	wrapped, err := w.first.Wrap(ctx, cek, info)
	if err == nil {
		_, err = w.second.Wrap(ctx, cek, info)
	}
	return wrapped, err
}

// TestSidecarOnce: an object has one sidecar, however many keys are asked. One
// that is under another key is not replaced by theirs, and nothing is stored.
func TestSidecarOnce(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t, "alias/other")
	key := sidecarKey(t, client, 0)
	mustPut(t, backend.NewBucket(d, twiceWrapper{key, sidecarKey(t, client, 0)}, nil, nil), "a", pattern(100))
	d.wantCalls(t, "get a.key", "put a.key", "put a", "get a.key")
	client.wantCalls(t, "GenerateDataKey", "Decrypt")
	wantObject(t, backend.NewBucket(d, nil, key, nil), "a", pattern(100))

	other := must(backend.NewSidecarKey(client, "alias/other", nil))(t)
	_, err := backend.NewBucket(d, twiceWrapper{key, other}, nil, nil).Put(t.Context(), "b", nil, 0, nil)
	wantErr(t, "two key IDs", err, backend.ErrSidecar)
	wantNone(t, d, "b.key")
	wantNone(t, d, "b")
}
