// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// outcomes runs a job that keeps what became of each object.
func outcomes(t *testing.T, opts *bulk.Options, job func() (*bulk.Summary, error)) map[string]bulk.Result {
	t.Helper()
	all := map[string]bulk.Result{}
	opts.OnResult = func(r bulk.Result) { all[r.Key] = r }
	if _, err := job(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDryRunPolicy: what policy refuses is known beforehand, without a key, in the
// same words, and with the envelope that says what it would take.
func TestDryRunPolicy(t *testing.T) {
	_, _, old := oldKeys(t)
	for name, open := range map[string]envelope.OpenOptions{
		"zero": {}, "v2": {AllowUncommitted: true}, "cbc": {AllowUncommitted: true, AllowLegacyCBC: true}, "all": everything(), "bound": {RequireBound: true},
	} {
		d := newSpy()
		fill(t, d, 12)
		blind := backend.NewBucket(d, nil, nil, &backend.Options{Open: open})
		b := backend.NewBucket(d, nil, old, &backend.Options{Open: open})
		rewrap, migrate := rewrapOptions(t), &bulk.MigrateOptions{Map: toNew}
		rewrap.DryRun, migrate.DryRun = true, true
		dryRewrap := outcomes(t, &rewrap.Options, func() (*bulk.Summary, error) { return bulk.Rewrap(t.Context(), blind, list(t, blind), rewrap) })
		dryMigrate := outcomes(t, &migrate.Options, func() (*bulk.Summary, error) {
			return bulk.Migrate(t.Context(), blind, blind, list(t, blind), migrate)
		})
		rewrap.DryRun, migrate.DryRun = false, false
		wantForetold(t, name+", migrate", dryMigrate, outcomes(t, &migrate.Options, func() (*bulk.Summary, error) {
			return bulk.Migrate(t.Context(), b, target(t, d), list(t, b), migrate)
		}))
		wantForetold(t, name+", rewrap", dryRewrap, outcomes(t, &rewrap.Options, func() (*bulk.Summary, error) {
			return bulk.Rewrap(t.Context(), b, list(t, b), rewrap)
		}))
	}
}

// TestDryRunPolicyVerify: so it is for reading alone.
func TestDryRunPolicyVerify(t *testing.T) {
	_, _, old := oldKeys(t)
	for name, open := range map[string]envelope.OpenOptions{
		"zero": {}, "v2": {AllowUncommitted: true}, "cbc": {AllowUncommitted: true, AllowLegacyCBC: true}, "all": everything(), "bound": {RequireBound: true},
	} {
		d := newSpy()
		fill(t, d, 12)
		rawPut(t, d.Driver, "old/plain", []byte("plain"), nil)
		verify := func(keys wrap.Unwrapper, dry bool) map[string]bulk.Result {
			b := backend.NewBucket(d, nil, keys, &backend.Options{Open: open})
			opts := &bulk.VerifyOptions{Options: bulk.Options{DryRun: dry}}
			return outcomes(t, &opts.Options, func() (*bulk.Summary, error) { return bulk.Verify(t.Context(), b, list(t, b), opts) })
		}
		dry, run := verify(nil, true), verify(old, false)
		wantForetold(t, "verify", dry, run)
		for key, r := range run {
			if dry[key].Unauthenticated != r.Unauthenticated {
				t.Errorf("%s: %s: unauthenticated %v in the dry run, then %v", name, key, dry[key].Unauthenticated, r.Unauthenticated)
			}
		}
	}
}

// wantForetold fails the test unless a dry run has had the outcomes of the run.
func wantForetold(t *testing.T, what string, dry, run map[string]bulk.Result) {
	t.Helper()
	for key, r := range run {
		got := dry[key]
		if got.Outcome != r.Outcome || errors.Is(got.Err, envelope.ErrPolicy) != errors.Is(r.Err, envelope.ErrPolicy) {
			t.Errorf("%s: %s: %s, %v in the dry run, and then %s, %v", what, key, got.Outcome, got.Err, r.Outcome, r.Err)
		}
		policy, ok := errors.AsType[*envelope.PolicyError](r.Err)
		if !ok {
			continue
		}
		if foretold, ok := errors.AsType[*envelope.PolicyError](got.Err); !ok || foretold.Error() != policy.Error() || got.To != r.To {
			t.Errorf("%s: %s: %v in the dry run, and then %v", what, key, got.Err, r.Err)
		}
		for _, r := range []bulk.Result{got, r} {
			if r.Header == nil && what == "verify" {
				continue // which looks at none but that of the error
			}
			if r.Header == nil || fmt.Sprint(r.Header) != fmt.Sprint(policy.Header) {
				t.Errorf("%s: %s: header %v, want %v", what, key, r.Header, policy.Header)
			}
		}
	}
}

// TestRewrapSkipWrapped: what another run has given the key is skipped, where that
// can be told, and never what MustNotOpen opens.
func TestRewrapSkipWrapped(t *testing.T) {
	d := newSpy()
	fill(t, d, objects)
	b := source(t, d, envelope.V1, false)
	_, _, old := oldKeys(t)
	_, young := newKeys(t)
	opts := rewrapOptions(t)
	opts.To.SkipWrapped, opts.To.MustNotOpen = true, old
	if s, err := bulk.Rewrap(t.Context(), b, list(t, b), opts); err != nil || s.Done != objects {
		t.Fatalf("Rewrap = %+v, %v", s, err)
	}
	either := backend.NewBucket(d, nil, wrap.NewKeyring(old, young), &backend.Options{Open: everything()})
	written := 0
	opts.To.Before = func(*backend.ObjectInfo) error { written++; return nil }
	opts.Workers = 1
	s, err := bulk.Rewrap(t.Context(), either, list(t, either), opts)
	// A third is V1, whose wrap does not tell, and a quarter of the rest has an
	// instruction file, which can be that of another object.
	const told = objects * 2 / 3 * 3 / 4
	if err != nil || s.Reasons[bulk.ReasonWrapped] != told || s.Done != objects-told || int64(written) != s.Done {
		t.Errorf("again: %+v, %v, %d writes, want %d skipped", s, err, written, told)
	}
	wantContent(t, rotated(t, d), objects, same)
	opts.To.MustNotOpen = young
	if s, err := bulk.Rewrap(t.Context(), either, list(t, either), opts); err != nil || s.Failed != objects {
		t.Errorf("a key that must not open what it opens: %+v, %v, want that all fail", s, err)
	}
}

// TestJobString: a job is for people, also in the error about another one.
func TestJobString(t *testing.T) {
	for want, job := range map[string]bulk.Job{
		"rewrap s3.example/b/x": {Operation: "rewrap", Source: "s3.example/b/x"},
		"test a/ b/, none":      testJob,
	} {
		if got := job.String(); got != want {
			t.Errorf("String = %q, want %q", got, want)
		}
	}
	path := journalPath(t)
	journal(t, path).Close()
	_, err := bulk.OpenJournal(path, bulk.Job{Operation: "other"})
	if err == nil || strings.Contains(err.Error(), "{") || !strings.Contains(err.Error(), "test a/ b/, none") {
		t.Errorf("OpenJournal = %v, want both jobs in plain words", err)
	}
}
