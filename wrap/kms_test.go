// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/internal/wraptest"
)

const bindingEntry = "aws:x-amz-cek-alg"

func kmsInfo() wrap.Info {
	return wrap.Info{ContentAlg: "115", MatDesc: md{bindingEntry: "115", "user": "alice", "app": "a"}}
}

// wantKMSRejected wants ErrUnwrap with its own text, whatever the KMS has said.
func wantKMSRejected(t *testing.T, u wrap.Unwrapper, wrapped []byte, info wrap.Info) {
	t.Helper()
	got, err := u.Unwrap(t.Context(), wrap.KMSContext, wrapped, info)
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Unwrap = %x, %v, want nil, %v", got, err, wrap.ErrUnwrap)
	}
}

func TestKMSRoundTrip(t *testing.T) {
	client := newFakeKMS(t)
	k, info := mustKMS(t, client), kmsInfo()
	for _, size := range []int{16, 24, 32} {
		cek := bytes.Repeat([]byte{9}, size)
		wrapped := mustWrap(t, k, cek, info)
		client.wantCalls(t, kmsCall{"Encrypt", ourKeyID, info.MatDesc})
		wantCEK(t, k, wrap.KMSContext, wrapped, info, cek)
		client.wantCalls(t, kmsCall{"Decrypt", ourKeyID, info.MatDesc})

		cek, wrapped, err := k.(wrap.Generator).Generate(t.Context(), size, info)
		if err != nil || len(cek) != size {
			t.Fatalf("Generate(%d) = %d bytes, %v, want %d, nil", size, len(cek), err, size)
		}
		client.wantCalls(t, kmsCall{"GenerateDataKey", ourKeyID, info.MatDesc})
		wantCEK(t, k, wrap.KMSContext, wrapped, info, cek)
		client.take()
	}
	if k.Algorithm() != wrap.KMSContext {
		t.Errorf("Algorithm = %v, want %v", k.Algorithm(), wrap.KMSContext)
	}
}

func TestKMSServesItsAlgorithmOnly(t *testing.T) {
	client := newFakeKMS(t)
	k := mustKMS(t, client)
	for _, alg := range allAlgorithms {
		_, err := k.Unwrap(t.Context(), alg, make([]byte, 60), kmsInfo())
		if errors.Is(err, wrap.ErrNoKey) == (alg == wrap.KMSContext) || errors.Is(err, wrap.ErrNoKey) && errors.Is(err, wrap.ErrUnwrap) {
			t.Errorf("Unwrap(%v) = %v, want ErrNoKey: %t", alg, err, alg != wrap.KMSContext)
		}
	}
	client.wantCalls(t, kmsCall{"Decrypt", ourKeyID, kmsInfo().MatDesc})
}

// TestAttackForeignKMSKey: whatever an object says about its key, the KMS is
// asked for ours, and a blob that another key has made is rejected.
func TestAttackForeignKMSKey(t *testing.T) {
	client := newFakeKMS(t)
	k := mustKMS(t, client)
	theirs, err := wrap.NewKMS(client, foreignKeyID)
	if err != nil {
		t.Fatal(err)
	}
	info := kmsInfo()
	forged := mustWrap(t, theirs, make([]byte, 32), info)
	client.take()
	wantKMSRejected(t, k, forged, info)
	for _, name := range []string{"kms_cmk_id", "key_id", "KeyId", "aws:kms:key"} {
		named := kmsInfo()
		named.MatDesc[name] = foreignKeyID
		wantKMSRejected(t, k, forged, named)
	}
	calls := client.take()
	if len(calls) != 5 {
		t.Errorf("%d calls, want 5", len(calls))
	}
	for _, c := range calls {
		if c.keyID != ourKeyID {
			t.Errorf("%s was called for %s, want %s", c.op, c.keyID, ourKeyID)
		}
	}
}

// otherContexts returns every small change of an encryption context.
func otherContexts(m md) map[string]md {
	out := map[string]md{"nil": nil, "empty": {}}
	for name, value := range m {
		change := func(what string, f func(md)) {
			c := maps.Clone(m)
			f(c)
			out[what+" "+name] = c
		}
		change("without", func(c md) { delete(c, name) })
		change("empty", func(c md) { c[name] = "" })
		change("longer", func(c md) { c[name] = value + " " })
		change("case of value", func(c md) { c[name] = strings.ToUpper(value) + "X" })
		change("renamed", func(c md) { delete(c, name); c[name+"x"] = value })
		change("case of name", func(c md) { delete(c, name); c[strings.ToUpper(name)] = value })
		change("twice", func(c md) { c[name+"2"] = value })
		change("swapped", func(c md) { delete(c, name); c[value] = name })
	}
	return out
}

func TestKMSContextMismatch(t *testing.T) {
	client := newFakeKMS(t)
	k, info := mustKMS(t, client), kmsInfo()
	wrapped := mustWrap(t, k, make([]byte, 32), info)
	others := otherContexts(info.MatDesc)
	if len(others) != 2+8*3 {
		t.Fatalf("%d contexts, want %d", len(others), 2+8*3)
	}
	for what, other := range others {
		t.Run(what, func(t *testing.T) {
			client.take()
			wantKMSRejected(t, k, wrapped, wrap.Info{ContentAlg: "115", MatDesc: other})
			if calls := client.take(); other[bindingEntry] != "115" && len(calls) != 0 {
				t.Errorf("the KMS was asked %q about a context without the content algorithm", calls)
			}
		})
	}
	for _, alg := range []string{"", "AES/GCM/NoPadding", "AES/CBC/PKCS5Padding", "1150", "11"} {
		wantKMSRejected(t, k, wrapped, wrap.Info{ContentAlg: alg, MatDesc: info.MatDesc})
	}
	wantKMSRejected(t, k, wrapped, wrap.Info{MatDesc: md{bindingEntry: ""}})
	client.wantCalls(t)
	wantCEK(t, k, wrap.KMSContext, wrapped, info, make([]byte, 32))
}

func TestKMSTampered(t *testing.T) {
	k, info := mustKMS(t, newFakeKMS(t)), kmsInfo()
	wrapped := mustWrap(t, k, make([]byte, 32), info)
	for i := range len(wrapped) * 8 {
		bad := bytes.Clone(wrapped)
		bad[i/8] ^= 1 << (i % 8)
		wantKMSRejected(t, k, bad, info)
	}
	for n := range wrapped {
		wantKMSRejected(t, k, wrapped[:n], info)
	}
	wantKMSRejected(t, k, append(bytes.Clone(wrapped), 0), info)
}

func TestKMSErrorsPassThrough(t *testing.T) {
	client := newFakeKMS(t)
	k, info := mustKMS(t, client), kmsInfo()
	wrapped := mustWrap(t, k, make([]byte, 32), info)
	client.err = errDenied
	_, errUnwrap := k.Unwrap(t.Context(), wrap.KMSContext, wrapped, info)
	_, errWrap := k.Wrap(t.Context(), make([]byte, 32), info)
	cek, blob, errGenerate := k.(wrap.Generator).Generate(t.Context(), 32, info)
	_, errRing := wrap.NewKeyring(k, mustAESGCM(t, make([]byte, 32))).Unwrap(t.Context(), wrap.KMSContext, wrapped, info)
	for what, err := range map[string]error{"Unwrap": errUnwrap, "Wrap": errWrap, "Generate": errGenerate, "Keyring.Unwrap": errRing} {
		if !errors.Is(err, errDenied) || errors.Is(err, wrap.ErrUnwrap) || errors.Is(err, wrap.ErrNoKey) || !strings.HasPrefix(err.Error(), "wrap: KMS ") {
			t.Errorf("%s = %v, want %v, wrapped", what, err, errDenied)
		}
	}
	if cek != nil || blob != nil {
		t.Errorf("Generate = %x, %x beside an error", cek, blob)
	}
}

func TestKMSRefusesBeforeTheCall(t *testing.T) {
	client := newFakeKMS(t)
	k, good := mustKMS(t, client), kmsInfo()
	reserved := kmsInfo()
	reserved.MatDesc["kms_cmk_id"] = ourKeyID
	infos := map[string]wrap.Info{
		"no context": {ContentAlg: "115"}, "nothing": {}, "other algorithm": {ContentAlg: "116", MatDesc: good.MatDesc},
		"empty algorithm": {MatDesc: md{bindingEntry: ""}}, "kms_cmk_id": reserved,
	}
	for what, info := range infos {
		_, errWrap := k.Wrap(t.Context(), make([]byte, 32), info)
		_, _, errGenerate := k.(wrap.Generator).Generate(t.Context(), 32, info)
		if errWrap == nil || errGenerate == nil {
			t.Errorf("%s: Wrap = %v, Generate = %v, want errors", what, errWrap, errGenerate)
		}
	}
	for n := range 70 {
		if n == 16 || n == 24 || n == 32 {
			continue
		}
		_, errWrap := k.Wrap(t.Context(), make([]byte, n), good)
		_, _, errGenerate := k.(wrap.Generator).Generate(t.Context(), n, good)
		if errWrap == nil || errGenerate == nil {
			t.Errorf("%d bytes: Wrap = %v, Generate = %v, want errors", n, errWrap, errGenerate)
		}
	}
	wantKMSRejected(t, k, nil, good)
	client.wantCalls(t)
}

func TestKMSMisbehaving(t *testing.T) {
	info := kmsInfo()
	for n := range 70 {
		for _, blob := range []int{0, 32, 33} {
			k := mustKMS(t, wraptest.BrokenKMS{Plain: make([]byte, n), Blob: make([]byte, blob)})
			_, _, err := k.(wrap.Generator).Generate(t.Context(), 32, info)
			if want := n == 32 && blob == 33; (err == nil) != want {
				t.Errorf("Generate with a key of %d and a blob of %d bytes = %v, want ok = %t", n, blob, err, want)
			}
			if _, err := k.Wrap(t.Context(), make([]byte, 32), info); (err == nil) != (blob == 33) {
				t.Errorf("Wrap with a blob of %d bytes = %v, want ok = %t", blob, err, blob == 33)
			}
		}
		k := mustKMS(t, wraptest.BrokenKMS{Plain: make([]byte, n)})
		if n == 16 || n == 24 || n == 32 {
			wantCEK(t, k, wrap.KMSContext, []byte("blob"), info, make([]byte, n))
		} else {
			wantKMSRejected(t, k, []byte("blob"), info)
		}
	}
}

func TestNewKMSNeedsClientAndKey(t *testing.T) {
	if k, err := wrap.NewKMS(nil, ourKeyID); err == nil || k != nil {
		t.Errorf("NewKMS without a client = %v, %v, want nil and an error", k, err)
	}
	if k, err := wrap.NewKMS(newFakeKMS(t), ""); err == nil || k != nil {
		t.Errorf("NewKMS without a key ID = %v, %v, want nil and an error", k, err)
	}
}

// TestKMSRotation: two KMS keys in a keyring. The one that did not wrap rejects.
func TestKMSRotation(t *testing.T) {
	client := newFakeKMS(t)
	a, info := mustKMS(t, client), kmsInfo()
	b, err := wrap.NewKMS(client, foreignKeyID)
	if err != nil {
		t.Fatal(err)
	}
	ring := wrap.NewKeyring(a, b)
	for i, k := range []wrap.Key{a, b} {
		cek := bytes.Repeat([]byte{byte(i)}, 32)
		wantCEK(t, ring, wrap.KMSContext, mustWrap(t, k, cek, info), info, cek)
	}
	wantKMSRejected(t, ring, make([]byte, 60), info)
}

func TestKMSKeysAreNotPrinted(t *testing.T) {
	client := newFakeKMS(t)
	k, info := mustKMS(t, client), kmsInfo()
	cek := []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
	wrapped := mustWrap(t, k, cek, info)
	cache, err := wrap.NewCache(k, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantCEK(t, cache, wrap.KMSContext, wrapped, info, cek)
	required, err := wrap.RequireContext(cache, md{"user": "alice"})
	if err != nil {
		t.Fatal(err)
	}
	for want, v := range map[string]any{
		fmt.Sprintf("wrap.KMS(%q)", ourKeyID):                                                           k,
		fmt.Sprintf("wrap.Cache(wrap.KMS(%q))", ourKeyID):                                               cache,
		fmt.Sprintf("wrap.RequireContext(wrap.Cache(wrap.KMS(%q)), map[\"user\":\"alice\"])", ourKeyID): required,
	} {
		if got := fmt.Sprintf("%+v", v); got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
		printtest.Hides(t, v, cek, []byte("0123456789abcdef0123456789abcdef"))
	}
}
