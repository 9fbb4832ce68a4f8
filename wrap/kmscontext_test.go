// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
)

func mustRequire(t testing.TB, u wrap.Unwrapper, encCtx md) wrap.Unwrapper {
	t.Helper()
	r, err := wrap.RequireContext(u, encCtx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRequireContext: every difference is the same error, and no KMS is asked.
func TestRequireContext(t *testing.T) {
	client := newFakeKMS(t)
	k, info := mustKMS(t, client), kmsInfo()
	wrapped := mustWrap(t, k, make([]byte, 32), info)
	own := md{"user": "alice", "app": "a"}
	wantCEK(t, mustRequire(t, k, own), wrap.KMSContext, wrapped, info, make([]byte, 32))
	client.take()
	for what, other := range otherContexts(own) {
		t.Run(what, func(t *testing.T) {
			got, err := mustRequire(t, k, other).Unwrap(t.Context(), wrap.KMSContext, wrapped, info)
			if !errors.Is(err, wrap.ErrContext) || err.Error() != wrap.ErrContext.Error() || got != nil {
				t.Errorf("Unwrap = %x, %v, want nil, %v", got, err, wrap.ErrContext)
			}
		})
	}
	client.wantCalls(t)
}

func TestRequireContextIgnoresReserved(t *testing.T) {
	asked := 0
	u := unwrapFunc(func() ([]byte, error) { asked++; return make([]byte, 32), nil })
	r := mustRequire(t, u, nil)
	for _, alg := range []wrap.Algorithm{wrap.KMSContext, wrap.KMSPlain} {
		for _, stored := range []md{nil, {}, {bindingEntry: "115"}, {"kms_cmk_id": "k"}, {bindingEntry: "x", "kms_cmk_id": "k"}} {
			before := maps.Clone(stored)
			if _, err := r.Unwrap(t.Context(), alg, nil, wrap.Info{MatDesc: stored}); err != nil {
				t.Errorf("Unwrap(%v) with %q = %v, want nil", alg, stored, err)
			}
			if !maps.Equal(stored, before) {
				t.Errorf("Unwrap changed the description to %q, want %q", stored, before)
			}
		}
		_, err := r.Unwrap(t.Context(), alg, nil, wrap.Info{MatDesc: md{"user": ""}})
		if !errors.Is(err, wrap.ErrContext) {
			t.Errorf("Unwrap(%v) with an entry = %v, want %v", alg, err, wrap.ErrContext)
		}
	}
	if asked != 10 {
		t.Errorf("asked %d times, want 10", asked)
	}
}

// TestRequireContextServesKMSOnly: a description that nothing authenticates
// must not pass for a context.
func TestRequireContextServesKMSOnly(t *testing.T) {
	u := unwrapFunc(func() ([]byte, error) { t.Error("asked"); return nil, nil })
	for _, alg := range allAlgorithms {
		if alg == wrap.KMSContext || alg == wrap.KMSPlain {
			continue
		}
		if _, err := mustRequire(t, u, nil).Unwrap(t.Context(), alg, nil, wrap.Info{}); !errors.Is(err, wrap.ErrNoKey) {
			t.Errorf("Unwrap(%v) = %v, want %v", alg, err, wrap.ErrNoKey)
		}
	}
}

func TestRequireContextArguments(t *testing.T) {
	k := mustKMS(t, newFakeKMS(t))
	if _, err := wrap.RequireContext(nil, nil); err == nil {
		t.Error("RequireContext without a key = nil, want an error")
	}
	for _, name := range []string{bindingEntry, "kms_cmk_id"} {
		if _, err := wrap.RequireContext(k, md{name: "x"}); err == nil {
			t.Errorf("RequireContext with %s = nil, want an error", name)
		}
	}
	encCtx := md{"user": "alice"}
	r := mustRequire(t, k, encCtx)
	encCtx["user"] = "bob"
	info := wrap.Info{ContentAlg: "115", MatDesc: md{bindingEntry: "115", "user": "alice"}}
	wantCEK(t, r, wrap.KMSContext, mustWrap(t, k, make([]byte, 32), info), info, make([]byte, 32))
}

// TestRequireContextInKeyring: one KMS key for two tenants.
func TestRequireContextInKeyring(t *testing.T) {
	client := newFakeKMS(t)
	k := mustKMS(t, client)
	ring := wrap.NewKeyring(mustRequire(t, k, md{"tenant": "a"}), mustRequire(t, k, md{"tenant": "b"}), mustAESGCM(t, make([]byte, 32)))
	for _, tenant := range []string{"a", "b", "c"} {
		info := wrap.Info{ContentAlg: "115", MatDesc: md{bindingEntry: "115", "tenant": tenant}}
		wrapped := mustWrap(t, k, make([]byte, 32), info)
		client.take()
		_, err := ring.Unwrap(t.Context(), wrap.KMSContext, wrapped, info)
		if tenant == "c" {
			if !errors.Is(err, wrap.ErrContext) {
				t.Errorf("tenant c: %v, want %v", err, wrap.ErrContext)
			}
			client.wantCalls(t)
		} else if err != nil {
			t.Errorf("tenant %s: %v, want nil", tenant, err)
		}
	}
}

// TestRequireContextVectors compares as the Go client does, where its cases get
// as far as a comparison.
func TestRequireContextVectors(t *testing.T) {
	var f struct {
		Compare []struct {
			Name     string
			Stored   string
			Provided md
			Error    bool
		} `json:"encryption_context_compare"`
	}
	if err := json.Unmarshal(vectors.Read(t, "formats_go_v4_objects.json"), &f); err != nil {
		t.Fatal(err)
	}
	u := unwrapFunc(func() ([]byte, error) { return make([]byte, 32), nil })
	compared := 0
	for _, c := range f.Compare {
		var stored md
		if json.Unmarshal([]byte(c.Stored), &stored) != nil {
			continue // for the parser of metadata
		}
		compared++
		_, err := mustRequire(t, u, c.Provided).Unwrap(t.Context(), wrap.KMSContext, nil, wrap.Info{MatDesc: stored})
		if errors.Is(err, wrap.ErrContext) != c.Error || !c.Error && err != nil {
			t.Errorf("%s: %v, want ErrContext: %t", c.Name, err, c.Error)
		}
	}
	if compared != 9 {
		t.Errorf("compared %d cases, want 9", compared)
	}
}
