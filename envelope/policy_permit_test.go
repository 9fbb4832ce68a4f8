// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/testkit/kitrun"
	"github.com/s3seal/s3seal/wrap"
)

// A policySwitch is one thing that options may say or not.
type policySwitch struct {
	name string
	set  func(o *envelope.OpenOptions)
}

// policySwitches are all that policy depends on.
func policySwitches() []policySwitch {
	return []policySwitch{
		{"AllowUncommitted", func(o *envelope.OpenOptions) { o.AllowUncommitted = true }},
		{"AllowLegacyWraps", func(o *envelope.OpenOptions) { o.AllowLegacyWraps = true }},
		{"AllowLegacyCBC", func(o *envelope.OpenOptions) { o.AllowLegacyCBC = true }},
		{"AllowUnauthenticatedCTR", func(o *envelope.OpenOptions) { o.AllowUnauthenticatedCTR = true }},
		{"ExtraSuites", func(o *envelope.OpenOptions) { o.ExtraSuites = []envelope.Suite{dare.DARE2} }},
		{"Bind", func(o *envelope.OpenOptions) { o.Bind = envelope.Binding{Bucket: "bucket", Key: "a/key"} }},
		{"ContentAAD", func(o *envelope.OpenOptions) { o.ContentAAD = []byte("aad") }},
		{"RequireBound", func(o *envelope.OpenOptions) { o.RequireBound = true }},
	}
}

// policySets are all options that can be made of the switches.
func policySets() []envelope.OpenOptions {
	sets := []envelope.OpenOptions{{}}
	for _, s := range policySwitches() {
		for _, o := range slices.Clone(sets) {
			s.set(&o)
			sets = append(sets, o)
		}
	}
	return sets
}

// yield returns o without what PolicyError.Options says is in the way.
func yield(o envelope.OpenOptions, options []string) envelope.OpenOptions {
	for _, name := range options {
		switch name {
		case "ContentAAD":
			o.ContentAAD = nil
		case "RequireBound":
			o.RequireBound = false
		default:
			i := slices.IndexFunc(policySwitches(), func(s policySwitch) bool { return s.name == name })
			policySwitches()[i].set(&o)
		}
	}
	return o
}

// kitHeaders are the headers of all cases, one of each that policy could tell from
// others, and one that is none.
func kitHeaders(t *testing.T) []*envelope.Header {
	headers, seen := []*envelope.Header{nil}, map[string]bool{}
	for _, c := range kitFiles(t) {
		h, err := kitrun.Header(c)
		if err != nil {
			continue
		}
		if kind := fmt.Sprint(h, h.Required()); !seen[kind] {
			headers, seen[kind] = append(headers, h), true
		}
	}
	broken := *headers[len(headers)-1]
	broken.IV = broken.IV[:len(broken.IV)-1]
	return append(headers, &broken)
}

// TestPermit holds Permit to what NewOpener says before it uses a key, and both
// to naming all that is in the way at once.
func TestPermit(t *testing.T) {
	headers := kitHeaders(t)
	if len(headers) < 25 {
		t.Fatalf("%d headers, want at least 25", len(headers))
	}
	for _, h := range headers {
		for _, opts := range policySets() {
			keys := &counter{Unwrapper: wrap.NewKeyring()}
			_, want := envelope.NewOpener(t.Context(), h, keys, &opts)
			got := opts.Permit(h)
			if (keys.calls == 0) != (got != nil) {
				t.Fatalf("%v, %+v: Permit = %v, NewOpener = %v after %d uses of keys", h, opts, got, want, keys.calls)
			}
			if got == nil {
				continue
			}
			if got.Error() != want.Error() || errors.Is(got, envelope.ErrPolicy) != errors.Is(want, envelope.ErrPolicy) {
				t.Fatalf("%v, %+v: Permit = %v, NewOpener = %v", h, opts, got, want)
			}
			wantAll(t, h, opts, got)
		}
	}
}

// wantAll fails the test unless what the error names is what it takes.
func wantAll(t *testing.T, h *envelope.Header, opts envelope.OpenOptions, err error) {
	t.Helper()
	policy, ok := errors.AsType[*envelope.PolicyError](err)
	if !ok {
		return
	}
	all := policy.Options()
	if len(all) == 0 || all[0] != policy.Option || policy.Header == nil || policy.Header == h || policy.Header.String() != h.String() {
		t.Fatalf("%v, %+v: option %s of %q, header %v", h, opts, policy.Option, all, policy.Header)
	}
	then := yield(opts, all)
	if err := then.Permit(h); err != nil {
		t.Fatalf("%v, %+v: refused for %q, and without that: %v", h, opts, all, err)
	}
	for i := range all { // none of them is too many
		then := yield(opts, slices.Delete(slices.Clone(all), i, i+1))
		if err := then.Permit(h); err == nil {
			t.Fatalf("%v, %+v: refused for %q, and allowed without %s", h, opts, all, all[i])
		}
	}
}

// TestPermitNil: no options are the zero value.
func TestPermitNil(t *testing.T) {
	for format, meta := range valid() {
		h := must[*envelope.Header](t)(envelope.ParseHeader(meta, dare.DARE2))
		got, want := (*envelope.OpenOptions)(nil).Permit(h), new(envelope.OpenOptions).Permit(h)
		if (got == nil) != (want == nil) {
			t.Errorf("%s: Permit of nil = %v, of the zero value %v", format, got, want)
		}
	}
}

// TestPolicyErrorOfOthers: who makes one by hand has one option.
func TestPolicyErrorOfOthers(t *testing.T) {
	err := &envelope.PolicyError{Option: "AllowPlaintext"}
	if got := err.Options(); len(got) != 1 || got[0] != err.Option {
		t.Errorf("Options = %q, want %q", got, err.Option)
	}
}

// TestPermitRangeAll: what forbids a range is named together with what forbids
// the object.
func TestPermitRangeAll(t *testing.T) {
	h := must[*envelope.Header](t)(envelope.ParseHeader(valid()["V2-GCM"]))
	err := (*envelope.OpenOptions)(nil).PermitRange(h)
	wantPolicy(t, "V2-GCM", err, "AllowUncommitted")
	policy, ok := errors.AsType[*envelope.PolicyError](err)
	if !ok || strings.Join(policy.Options(), " ") != "AllowUncommitted AllowUnauthenticatedRanges" {
		t.Errorf("PermitRange = %v, want both options", err)
	}
}
