// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"encoding/base64"
	"errors"
	"maps"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// awsLabels are the envelopes of AWS's formats around the wrapped key of another
// one.
func awsLabels(wrapped string) map[string]map[string]string {
	iv := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	v2 := func(wrap, content string, size int) map[string]string {
		return map[string]string{
			"x-amz-key-v2": wrapped, "x-amz-iv": iv(size), "x-amz-matdesc": "{}",
			"x-amz-wrap-alg": wrap, "x-amz-cek-alg": content, "x-amz-tag-len": "128",
		}
	}
	return map[string]map[string]string{
		"V3":             {"x-amz-c": "115", "x-amz-w": "02", "x-amz-3": wrapped, "x-amz-d": iv(28), "x-amz-i": iv(28), "x-amz-m": "{}"},
		"V2-GCM":         v2("AES/GCM", "AES/GCM/NoPadding", 12),
		"V2-GCM AESWrap": v2("AESWrap", "AES/GCM/NoPadding", 12),
		"V2-CBC":         v2("AES/GCM", "AES/CBC/PKCS5Padding", 16),
		"V2-CTR":         v2("AES/GCM", "AES/CTR/NoPadding", 16),
		"V1":             {"x-amz-key": wrapped, "x-amz-iv": iv(16), "x-amz-matdesc": "{}"},
	}
}

// TestOwnAsAWS: an object in a format of s3seal's own is not read as one of
// AWS's, whatever its metadata are made to say and whatever is allowed, and with
// its own metadata not by a reader that does not know the format.
func TestOwnAsAWS(t *testing.T) {
	keys := wrap.NewKeyring(gcmKey(t), must(wrap.NewAESKeyWrap(kek(32)))(t), must(legacy.NewAESECB(kek(32)))(t))
	refused := func(what string, d backend.Driver, opts envelope.OpenOptions) {
		t.Helper()
		b := backend.NewBucket(d, nil, keys, &backend.Options{Open: opts})
		for name, get := range map[string]func() (*backend.Object, error){
			"Get":      func() (*backend.Object, error) { return b.Get(t.Context(), "k") },
			"GetRange": func() (*backend.Object, error) { return b.GetRange(t.Context(), "k", 0, 16) },
		} {
			if got, err := readAll(get()); err == nil || len(got) > 0 {
				t.Errorf("%s: %s = %d bytes, %v, want it refused", what, name, len(got), err)
			}
		}
		if _, err := b.ReaderAt(t.Context(), "k"); err == nil {
			t.Errorf("%s: ReaderAt opens it", what)
		}
	}
	for _, suite := range ownSuites() {
		d := storedOwn(t, suite, pattern(4096))
		content, meta := body(t, d, "k"), must(d.Stat(t.Context(), "k"))(t).Metadata
		for name, label := range awsLabels(meta["s3seal-key"]) {
			mixed := maps.Clone(meta)
			maps.Copy(mixed, label)
			for what, m := range map[string]map[string]string{"instead": label, "beside": mixed} {
				forged := mem.New()
				raw(t, forged, "k", content, m)
				for _, opts := range levels() {
					opts.ExtraSuites = []envelope.Suite{dare.DARE2}
					refused(suite.String()+" as "+name+" "+what, forged, opts)
				}
			}
		}
	}
	d := storedOwn(t, dare.DARE2, pattern(100))
	for _, opts := range levels() {
		refused("DARE where it is not known", d, opts)
		_, err := backend.NewBucket(d, nil, keys, &backend.Options{Open: opts}).Get(t.Context(), "k")
		if _, ok := errors.AsType[*envelope.MetadataError](err); !ok {
			t.Errorf("DARE where it is not known: %v, want a MetadataError", err)
		}
	}
}

// levels are the options of the presets, and all that there are at once.
func levels() []envelope.OpenOptions {
	all := everything(nil)
	all.AllowPlaintext = true
	return []envelope.OpenOptions{
		{}, envelope.ForbidEncryptAllowDecrypt().Open, envelope.StrictAuthenticatedEncryption().Open, envelope.EncryptionOnly().Open, all,
	}
}
