// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// TestPermit: what Get refuses before it uses a key, Permit refuses in the same
// words, without a key.
func TestPermit(t *testing.T) {
	d := mem.New()
	key := must(wrap.NewAESGCM(kek(32)))(t)
	for name, opts := range map[string]*backend.Options{
		"v3": nil, "v2": {Seal: envelope.SealOptions{Suite: envelope.V2GCM}}, "cbc": {Seal: envelope.SealOptions{Suite: envelope.V2CBC}},
		"file":    {InstructionFile: true},
		"chunked": {Seal: envelope.SealOptions{Suite: envelope.Chunked}},
		"bound":   {Seal: envelope.SealOptions{Suite: envelope.Chunked}, Bind: true, Name: "bucket"},
	} {
		must(backend.NewBucket(d, key, nil, opts).Put(t.Context(), name, strings.NewReader("x"), 1, nil))(t)
	}
	must(d.Put(t.Context(), "plain", strings.NewReader("x"), 1, new(backend.PutOptions)))(t)
	lost := map[string]string{"x-amz-unencrypted-content-length": "1"}
	must(d.Put(t.Context(), "lost", strings.NewReader("x"), 1, &backend.PutOptions{Metadata: lost}))(t)
	refused := 0
	for _, open := range []envelope.OpenOptions{
		{},
		{RequireBound: true},
		{AllowPlaintext: true},
		{AllowPlaintext: true, RequireBound: true},
		{AllowUncommitted: true},
		{AllowUncommitted: true, AllowLegacyCBC: true},
	} {
		b := backend.NewBucket(d, nil, key, &backend.Options{Open: open, Name: "bucket"})
		blind := backend.NewBucket(d, nil, nil, &backend.Options{Open: open, Name: "bucket"})
		for _, name := range []string{"v3", "v2", "cbc", "file", "chunked", "bound", "plain", "lost"} {
			oi := must(b.Stat(t.Context(), name))(t)
			o, want := b.Get(t.Context(), name)
			if want == nil {
				o.Close()
			}
			got := blind.Permit(oi)
			if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
				t.Errorf("%s, %+v: Permit = %v, Get = %v", name, open, got, want)
			}
			if got != nil {
				refused++
			}
			if got != nil && !errors.Is(got, envelope.ErrPolicy) && !errors.Is(got, envelope.ErrNotEncrypted) {
				t.Errorf("%s, %+v: Permit = %v", name, open, got)
			}
		}
	}
	if refused < 20 {
		t.Errorf("%d were refused, want at least 20", refused)
	}
}
