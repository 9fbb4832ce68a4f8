// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

// TestPolicyError: the error is about the first missing option and names all.
func TestPolicyError(t *testing.T) {
	h := must[*envelope.Header](t)(envelope.ParseHeader(valid()["V1"]))
	for _, c := range []struct {
		opts   *envelope.OpenOptions
		option string
		text   string
	}{
		{nil, "AllowUncommitted", "V1, key wrapped by an algorithm without a name: needs AllowUncommitted, AllowLegacyWraps, AllowLegacyCBC"},
		{&envelope.OpenOptions{AllowUncommitted: true}, "AllowLegacyWraps", "needs AllowLegacyWraps, AllowLegacyCBC"},
		{&envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true}, "AllowLegacyCBC", "needs AllowLegacyCBC"},
		{&envelope.OpenOptions{AllowPlaintext: true, AllowUnauthenticatedRanges: true}, "AllowUncommitted", "needs AllowUncommitted, "},
	} {
		keys := &counter{Unwrapper: fixedKey{cek: kek}}
		opener, err := envelope.NewOpener(t.Context(), h, keys, c.opts)
		var policy *envelope.PolicyError
		if !errors.As(err, &policy) || !errors.Is(err, envelope.ErrPolicy) || opener != nil {
			t.Fatalf("NewOpener with %+v = %v, want a PolicyError", c.opts, err)
		}
		if policy.Option != c.option || !strings.Contains(err.Error(), c.text) || keys.calls != 0 {
			t.Errorf("NewOpener with %+v: option %s, %q, %d unwraps; want %s, %q, 0", c.opts, policy.Option, err, keys.calls, c.option, c.text)
		}
		if errors.Is(err, envelope.ErrDecrypt) {
			t.Errorf("%v is ErrDecrypt", err)
		}
	}
}

// TestPolicyContentAAD: additional data that only V2GCM can have keeps
// everything else out, and has to be right.
func TestPolicyContentAAD(t *testing.T) {
	opts := everything()
	opts.ContentAAD = []byte("aad")
	for format, meta := range valid() {
		h := must[*envelope.Header](t)(envelope.ParseHeader(meta, dare.DARE2))
		_, err := envelope.NewOpener(t.Context(), h, fixedKey{cek: kek}, &opts)
		var policy *envelope.PolicyError
		if refused := errors.As(err, &policy) && policy.Option == "ContentAAD"; refused == (format == "V2-GCM") {
			t.Errorf("%s: NewOpener with ContentAAD = %v", format, err)
		}
	}
}

// TestPresets pins the sets, since they are documented as exact.
func TestPresets(t *testing.T) {
	all := envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true, AllowLegacyCBC: true, AllowUnauthenticatedRanges: true}
	for name, c := range map[string]struct {
		got   envelope.Preset
		suite envelope.Suite
		open  envelope.OpenOptions
	}{
		"RequireEncryptRequireDecrypt": {envelope.RequireEncryptRequireDecrypt(), envelope.V3, envelope.OpenOptions{}},
		"RequireEncryptAllowDecrypt":   {envelope.RequireEncryptAllowDecrypt(), envelope.V3, envelope.OpenOptions{AllowUncommitted: true}},
		"ForbidEncryptAllowDecrypt":    {envelope.ForbidEncryptAllowDecrypt(), envelope.V2GCM, envelope.OpenOptions{AllowUncommitted: true}},
		"EncryptionOnly":               {envelope.EncryptionOnly(), envelope.V2CBC, all},
		"AuthenticatedEncryption":      {envelope.AuthenticatedEncryption(), envelope.V2GCM, all},
		"StrictAuthenticatedEncryption": {
			envelope.StrictAuthenticatedEncryption(), envelope.V2GCM,
			envelope.OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true},
		},
	} {
		want := envelope.Preset{Seal: envelope.SealOptions{Suite: c.suite}, Open: c.open}
		if !reflect.DeepEqual(c.got, want) {
			t.Errorf("%s = %+v, want %+v", name, c.got, want)
		}
	}
}

// TestPresetsReadWhatTheyWrite, with the wraps of their time.
func TestPresetsReadWhatTheyWrite(t *testing.T) {
	modern, old := must[wrap.Key](t)(wrap.NewAESGCM(kek)), must[wrap.Key](t)(wrap.NewAESKeyWrap(kek))
	for _, c := range []struct {
		name   string
		preset envelope.Preset
		key    wrap.Key
	}{
		{"RequireEncryptRequireDecrypt", envelope.RequireEncryptRequireDecrypt(), modern},
		{"RequireEncryptAllowDecrypt", envelope.RequireEncryptAllowDecrypt(), modern},
		{"ForbidEncryptAllowDecrypt", envelope.ForbidEncryptAllowDecrypt(), modern},
		{"EncryptionOnly", envelope.EncryptionOnly(), old},
		{"AuthenticatedEncryption", envelope.AuthenticatedEncryption(), old},
		{"StrictAuthenticatedEncryption", envelope.StrictAuthenticatedEncryption(), old},
	} {
		o := sealObject(t, c.key, &c.preset.Seal, []byte("hello"))
		if got, err := o.open(t.Context(), c.key, &c.preset.Open); err != nil || string(got) != "hello" {
			t.Errorf("%s: open = %q, %v; want hello", c.name, got, err)
		}
	}
}
