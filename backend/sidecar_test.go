// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

func TestSidecarRoundTrip(t *testing.T) {
	for _, w := range sidecarWays() {
		t.Run(fmt.Sprintf("%v,%v", w.suite, w.alg), func(t *testing.T) {
			d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
			b := sidecarBucket(t, d, client, w.suite, w.alg)
			mustPut(t, b, "a", pattern(100))
			d.wantCalls(t, "get a.key", "put a.key", "put a", "get a.key")
			client.wantCalls(t, "GenerateDataKey")
			blob := body(t, d, "a.key")

			for _, size := range []int{0, 4101} {
				mustPut(t, b, "a", pattern(size))
				client.wantCalls(t, "Decrypt") // the KEK is used again
				if got := body(t, d, "a.key"); got != blob {
					t.Fatalf("the sidecar was replaced")
				}
				wantObject(t, b, "a", pattern(size))
				client.wantCalls(t, "Decrypt")
			}
			got, err := readAll(b.GetRange(t.Context(), "a", 16, 100))
			if w.suite != envelope.V2CBC && (err != nil || !bytes.Equal(got, pattern(4101)[16:116])) {
				t.Errorf("GetRange = %d bytes, %v, want 100, nil", len(got), err)
			}

			wr := must(b.Create(t.Context(), "dir/b", nil))(t)
			io.WriteString(wr, "text")
			if err := wr.Close(); err != nil {
				t.Fatal(err)
			}
			wantObject(t, b, "dir/b", []byte("text"))
			if body(t, d, "dir/b.key") == blob {
				t.Error("two objects share a KEK")
			}
		})
	}
}

// TestSidecarWithInstructionFile: an object may have both companions.
func TestSidecarWithInstructionFile(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	b := profile{"", envelope.V3, sidecarKey(t, client, wrap.AESGCM)}.filing(d, nil)
	mustPut(t, b, "a", pattern(100))
	for i, call := range []string{"put a.key", "put a.instruction", "put a"} {
		if n := len(d.calls); n == 0 || !strings.Contains(strings.Join(d.calls, ","), call) {
			t.Errorf("calls %q, want %q as put %d", d.calls, call, i)
		}
	}
	for what, read := range readings(t, b, "a") {
		if _, err := read(); err != nil {
			t.Errorf("%s = %v", what, err)
		}
	}
	if err := b.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantNone(t, d, "a.instruction")
	if _, err := d.Stat(t.Context(), "a.key"); err != nil {
		t.Errorf("after Delete, Stat(a.key) = %v, want nil", err)
	}
}

// TestSidecarForms: what a sidecar may look like, and what is none.
func TestSidecarForms(t *testing.T) {
	d, client := mem.New(), newCountingKMS(t, "alias/other")
	b := sidecarBucket(t, d, client, envelope.V2GCM, wrap.AESKW)
	mustPut(t, b, "a", pattern(100))
	blob := body(t, d, "a.key")
	b64 := base64.StdEncoding.EncodeToString([]byte(blob))
	_, other, err := wrap.GenerateKEK(t.Context(), client, sidecarKeyID, nil, wrap.NewAESKeyWrap)
	if err != nil {
		t.Fatal(err)
	}
	client.calls = nil
	for what, c := range map[string]struct {
		data string
		want error
		asks bool // the KMS
	}{
		"raw": {blob, nil, true}, "base64": {b64, nil, true}, "base64 line": {b64 + "\r\n", nil, true},
		"base64 lines": {b64[:76] + "\n" + b64[76:] + "\n", nil, true}, "white space": {" \t" + b64 + "\n\n", nil, true},
		"hex": {fmt.Sprintf("%x", blob), envelope.ErrDecrypt, true}, "cut": {blob[:len(blob)-1], envelope.ErrDecrypt, true},
		"base64 cut": {b64[:len(b64)-4], envelope.ErrDecrypt, true}, "other KEK": {string(other), envelope.ErrDecrypt, true},
		"white space only": {"\n", envelope.ErrDecrypt, false},
		"largest":          {strings.Repeat("x", backend.MaxSidecarSize), envelope.ErrDecrypt, true},
		"too large":        {strings.Repeat("x", backend.MaxSidecarSize+1), backend.ErrSidecar, false},
		"empty":            {"", backend.ErrSidecar, false},
	} {
		t.Run(what, func(t *testing.T) {
			raw(t, d, "a.key", c.data, nil)
			for how, read := range readings(t, b, "a") {
				client.calls = nil
				got, err := read()
				if !errors.Is(err, c.want) || c.want == nil && got != nil && !bytes.Equal(got, pattern(100)) || err != nil && got != nil {
					t.Errorf("%s = %d bytes, %v, want %v", how, len(got), err, c.want)
				}
				if c.want == envelope.ErrDecrypt && err != envelope.ErrDecrypt {
					t.Errorf("%s = %q, want the bare error", how, err)
				}
				if asked := len(client.calls) > 0; asked != c.asks {
					t.Errorf("%s asks the KMS: %t, want %t", how, asked, c.asks)
				}
			}
		})
	}
}

// TestSidecarMissing: it is said, also where a keyring is in between, and is no
// missing object.
func TestSidecarMissing(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	key := sidecarKey(t, client, wrap.AESKW)
	mustPut(t, sidecarBucket(t, d, client, envelope.V2GCM, wrap.AESKW), "a", pattern(100))
	if err := d.Delete(t.Context(), "a.key"); err != nil {
		t.Fatal(err)
	}
	cache := must(wrap.NewCache(key, nil))(t)
	client.calls = nil
	for what, u := range map[string]wrap.Unwrapper{
		"alone": key, "keyring": wrap.NewKeyring(key), "cache": wrap.NewKeyring(cache),
		"keys": wrap.NewKeyring(must(wrap.NewAESGCM(kek(32)))(t), wrap.Describe(key, map[string]string{"a": "b"})),
	} {
		opts := &backend.Options{Open: everything(nil)}
		for how, read := range readings(t, backend.NewBucket(d, nil, u, opts), "a") {
			_, err := read()
			wantErr(t, what+", "+how, err, backend.ErrNoSidecar)
			wantErr(t, what+", "+how, err, wrap.ErrNoKey)
			if errors.Is(err, backend.ErrNotExist) || !strings.Contains(err.Error(), `"a.key"`) {
				t.Errorf("%s, %s: %v, want the name of the sidecar, and no missing object", what, how, err)
			}
		}
	}
	client.wantCalls(t)

	d.on = failing("get a.key", errDenied) // no answer is not "no"
	_, err := sidecarBucket(t, d, client, envelope.V2GCM, wrap.AESKW).Get(t.Context(), "a")
	wantErr(t, "denied", err, errDenied)
	if errors.Is(err, backend.ErrNoSidecar) {
		t.Errorf("denied: %v", err)
	}
}

// TestSidecarOtherKeys: a keyring opens what its other keys open, and then no
// sidecar is looked for in vain.
func TestSidecarOtherKeys(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	aes := must(wrap.NewAESGCM(kek(32)))(t)
	mustPut(t, backend.NewBucket(d, aes, nil, nil), "a", pattern(100))
	mustPut(t, sidecarBucket(t, d, client, envelope.V3, wrap.AESGCM), "b", pattern(200))
	for _, keys := range [][]wrap.Unwrapper{{aes, sidecarKey(t, client, 0)}, {sidecarKey(t, client, 0), aes}} {
		b := backend.NewBucket(d, nil, wrap.NewKeyring(keys...), nil)
		wantObject(t, b, "a", pattern(100))
		wantObject(t, b, "b", pattern(200))
	}
}

// TestSidecarPolicyFirst: what the options refuse costs no request for a sidecar
// and no call of the KMS, and Stat needs neither.
func TestSidecarPolicyFirst(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	mustPut(t, sidecarBucket(t, d, client, envelope.V2CBC, wrap.AESKW), "a", pattern(100))
	d.calls, client.calls = nil, nil
	strict := backend.NewBucket(d, nil, sidecarKey(t, client, wrap.AESKW), nil)
	_, err := strict.Get(t.Context(), "a")
	wantErr(t, "Get", err, envelope.ErrPolicy)
	d.wantCalls(t, "get a")
	info := must(strict.Stat(t.Context(), "a"))(t)
	if info.Header == nil || info.Header.Wrap != wrap.AESKW {
		t.Errorf("Stat = %v, want AESWrap", info.Header)
	}
	d.wantCalls(t, "stat a")
	client.wantCalls(t)
}

// TestSidecarContext: the KMS is asked with the context of the options.
func TestSidecarContext(t *testing.T) {
	d, client := mem.New(), newCountingKMS(t, "alias/other")
	with := func(keyID string, encCtx map[string]string) *backend.Bucket {
		k := must(backend.NewSidecarKey(client, keyID, &backend.SidecarOptions{EncryptionContext: encCtx}))(t)
		return backend.NewBucket(d, k, k, nil)
	}
	alice := map[string]string{"user": "alice"}
	mustPut(t, with(sidecarKeyID, alice), "a", pattern(100))
	wantObject(t, with(sidecarKeyID, map[string]string{"user": "alice"}), "a", pattern(100))
	blob := body(t, d, "a.key")
	for what, b := range map[string]*backend.Bucket{
		"no context": with(sidecarKeyID, nil), "bob": with(sidecarKeyID, map[string]string{"user": "bob"}),
		"other key": with("alias/other", alice),
	} {
		_, err := b.Get(t.Context(), "a")
		wantErr(t, what, err, envelope.ErrDecrypt)
		_, err = b.Put(t.Context(), "a", strings.NewReader("new"), -1, nil)
		wantErr(t, what, err, backend.ErrSidecar)
		if body(t, d, "a.key") != blob {
			t.Fatalf("%s: the sidecar was replaced", what)
		}
	}
	alice["user"] = "mallory" // the options were copied
	wantObject(t, with(sidecarKeyID, map[string]string{"user": "alice"}), "a", pattern(100))
}

func TestSidecarKeyErrors(t *testing.T) {
	client := newCountingKMS(t)
	for what, f := range map[string]func() (*backend.SidecarKey, error){
		"no KMS":    func() (*backend.SidecarKey, error) { return backend.NewSidecarKey(nil, "k", nil) },
		"no key ID": func() (*backend.SidecarKey, error) { return backend.NewSidecarKey(client, "", nil) },
		"wrap": func() (*backend.SidecarKey, error) {
			return backend.NewSidecarKey(client, "k", &backend.SidecarOptions{Wrap: wrap.KMSContext})
		},
		"reserved": func() (*backend.SidecarKey, error) {
			return backend.NewSidecarKey(client, "k", &backend.SidecarOptions{EncryptionContext: map[string]string{"kms_cmk_id": "k"}})
		},
		"bound": func() (*backend.SidecarKey, error) {
			return backend.NewSidecarKey(client, "k", &backend.SidecarOptions{EncryptionContext: map[string]string{"aws:x-amz-cek-alg": "115"}})
		},
	} {
		if k, err := f(); err == nil || k != nil {
			t.Errorf("%s: %v, %v, want nil and an error", what, k, err)
		}
	}
	k := sidecarKey(t, client, wrap.AESKW)
	if _, err := k.Wrap(t.Context(), make([]byte, 32), wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("Wrap without a Bucket = %v, want %v", err, wrap.ErrNoKey)
	}
	for _, alg := range []wrap.Algorithm{wrap.AESKW, wrap.AESECB, wrap.Unnamed, wrap.KMSContext, wrap.RSAPKCS1} {
		if _, err := k.Unwrap(t.Context(), alg, nil, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("Unwrap %v without a Bucket = %v, want %v", alg, err, wrap.ErrNoKey)
		}
	}
	// What only opens must not be taken for what stores.
	d := mem.New()
	mustPut(t, sidecarBucket(t, d, client, envelope.V3, 0), "a", nil)
	info := must(v3(t, d).Stat(t.Context(), "a"))(t)
	if _, err := backend.NewOpener(t.Context(), d, "a", info.Header, k, nil); err != nil {
		t.Errorf("NewOpener = %v", err)
	}
	if _, err := backend.NewOpener(t.Context(), d, "b", info.Header, k, nil); !errors.Is(err, backend.ErrNoSidecar) {
		t.Errorf("NewOpener = %v, want %v", err, backend.ErrNoSidecar)
	}
	down := errors.New("throttled")
	client.err = down
	if _, err := backend.NewOpener(t.Context(), d, "a", info.Header, k, nil); !errors.Is(err, down) {
		t.Errorf("NewOpener = %v, want %v", err, down)
	}
}

// TestSidecarCache: a cache in front saves the request and the call.
func TestSidecarCache(t *testing.T) {
	d, client := &hooked{Driver: mem.New()}, newCountingKMS(t)
	mustPut(t, sidecarBucket(t, d, client, envelope.V3, 0), "a", pattern(100))
	cache := must(wrap.NewCache(sidecarKey(t, client, 0), nil))(t)
	defer cache.Clear()
	b := backend.NewBucket(d, nil, cache, nil)
	d.calls, client.calls = nil, nil
	for range 3 {
		wantObject(t, b, "a", pattern(100))
	}
	d.wantCalls(t, "get a", "get a.key", "get a", "get a")
	client.wantCalls(t, "Decrypt")
}

// TestSidecarChanged: an object that is replaced together with its sidecar, as
// others do it, is no forgery.
func TestSidecarChanged(t *testing.T) {
	client, elsewhere := newCountingKMS(t), mem.New()
	mustPut(t, sidecarBucket(t, elsewhere, client, envelope.V3, 0), "a", pattern(200))
	d := &hooked{Driver: mem.New()}
	b := sidecarBucket(t, d, client, envelope.V3, 0)
	mustPut(t, b, "a", pattern(100))
	old := body(t, d, "a.key")
	for _, how := range []string{"Get", "GetRange", "GetFile"} {
		d.on = func(op, key string) error {
			if op == "get" && key == "a.key" {
				d.on = nil
				raw(t, d, "a.key", body(t, elsewhere, "a.key"), nil)
				raw(t, d, "a", body(t, elsewhere, "a"), nil)
			}
			return nil
		}
		_, err := readings(t, b, "a")[how]()
		wantErr(t, how, err, backend.ErrChanged)
		raw(t, d, "a.key", old, nil)
		mustPut(t, b, "a", pattern(100))
	}
}
