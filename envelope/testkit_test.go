// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/testkit"
)

//go:generate go test -run ^TestTestkitGenerated$ -update

var testkitFolder = filepath.Join("testdata", "testkit")

// kitFiles reads the kit as any other implementation would.
func kitFiles(t testing.TB) []*testkit.Case {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(testkitFolder, "*"+testkit.Ending))
	if err != nil || len(names) < 150 {
		t.Fatalf("testkit: %d files, %v; want at least 150", len(names), err)
	}
	var all []*testkit.Case
	for _, name := range names {
		c, err := testkit.Parse(strings.TrimSuffix(filepath.Base(name), testkit.Ending), readFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// kitReleases are the rules of release, by name. All but the last verify first.
func kitReleases(c *testkit.Case) map[string]envelope.Release {
	return map[string]envelope.Release{
		"Buffered": envelope.Buffered(int64(len(c.Body))),
		"Spool":    envelope.Spool("", 1<<20),
		"TwoPass":  envelope.TwoPass(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.Body)), nil }),
		kitStreams: envelope.UnverifiedUntilEOF(),
	}
}

const kitStreams = "UnverifiedUntilEOF"

// A kitRun is how the reading of a case has ended.
type kitRun struct {
	outcome       testkit.Outcome
	got           []byte
	err           error
	unwraps       int
	authenticated bool
}

// runKit reads a case, of which the reader knows the stored size or not.
func runKit(t testing.TB, c *testkit.Case, release envelope.Release, sized bool) (r kitRun) {
	keys := &kitCounter{keys: kitKeys(t, c)}
	r.got, r.authenticated, r.err = openKit(t.Context(), c, keys, kitOptions(c, release), sized)
	r.outcome, r.unwraps = kitOutcome(r.err), keys.calls
	return r
}

func openKit(ctx context.Context, c *testkit.Case, keys *kitCounter, opts *envelope.OpenOptions, sized bool) (got []byte, authenticated bool, err error) {
	h, err := kitHeader(c)
	if err != nil {
		return nil, false, err
	}
	if c.Range != nil {
		if err := opts.PermitRange(h); err != nil {
			return nil, false, err
		}
	}
	opener, err := envelope.NewOpener(ctx, h, keys, opts)
	if err != nil {
		return nil, false, err
	}
	r, err := kitReader(c, opener, sized)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	got, err = io.ReadAll(r)
	return got, opener.Authenticated(), err
}

func kitReader(c *testkit.Case, opener *envelope.Opener, sized bool) (io.ReadCloser, error) {
	size := int64(len(c.Body))
	if c.Range != nil {
		parts, err := opener.CiphertextRanges(c.Range.Off, c.Range.N, size)
		if err != nil {
			return nil, err
		}
		var body []byte
		for _, p := range parts {
			body = append(body, c.Body[p.Off:p.Off+p.N]...)
		}
		return opener.RangeReader(bytes.NewReader(body), c.Range.Off, c.Range.N, size)
	}
	if !sized {
		size = -1
	}
	return opener.Reader(bytes.NewReader(c.Body), size)
}

// checkKit compares a run with what the case says.
func checkKit(t *testing.T, c *testkit.Case, r kitRun, how string, whole []byte) {
	t.Helper()
	if r.outcome != c.Expect {
		t.Errorf("%s: %s (%v), want %s", how, r.outcome, r.err, c.Expect)
	}
	if before := slices.Contains([]testkit.Outcome{testkit.NotEncrypted, testkit.BadMetadata, testkit.Policy, testkit.NoKey}, c.Expect); before && r.unwraps > 0 {
		t.Errorf("%s: %d uses of keys, want none", how, r.unwraps)
	}
	switch {
	case c.Expect == testkit.Success:
		if len(r.got) != c.Size || sha256.Sum256(r.got) != c.Sum || r.authenticated != c.Authenticated {
			t.Errorf("%s: %d bytes, authenticated: %t; want %d, %t", how, len(r.got), r.authenticated, c.Size, c.Authenticated)
		}
	case c.AnyRelease && strings.HasPrefix(how, kitStreams) || c.AnyRelease && c.Suite == testkit.V1:
	case !bytes.HasPrefix(whole, r.got):
		t.Errorf("%s: released %d bytes that are no start of the %d that may be", how, len(r.got), c.Size)
	case kitTagged(c) && !strings.HasPrefix(how, kitStreams) && len(r.got) > 0:
		t.Errorf("%s: released %d bytes before the tag was verified", how, len(r.got))
	}
}

// kitTagged says whether one tag is for all of the content.
func kitTagged(c *testkit.Case) bool { return c.Suite == testkit.V3 || c.Suite == testkit.V2GCM }

// checkKitStream wants all that may be released, of what is verified chunk by
// chunk. Other readers may keep back what they cannot vouch for.
func checkKitStream(t *testing.T, c *testkit.Case, r kitRun) {
	t.Helper()
	if c.Suite == testkit.Chunked && c.Range == nil && (len(r.got) != c.Size || sha256.Sum256(r.got) != c.Sum) {
		t.Errorf("streamed %d bytes, want %d", len(r.got), c.Size)
	}
}

// TestTestkit reads every case by every rule of release.
func TestTestkit(t *testing.T) {
	made := map[string]*testkit.Case{}
	for _, c := range must[[]*testkit.Case](t)(testkit.Cases(rsaKey(t))) {
		made[c.Name] = c
	}
	for _, c := range kitFiles(t) {
		t.Run(c.Name, func(t *testing.T) {
			if made[c.Name] == nil {
				t.Fatal("no such case is made")
			}
			for name, release := range kitReleases(c) {
				for _, sized := range []bool{true, false} {
					r := runKit(t, c, release, sized)
					checkKit(t, c, r, fmt.Sprintf("%s, size known: %t", name, sized), made[c.Name].Released)
					if !sized && name == kitStreams {
						checkKitStream(t, c, r)
					}
				}
			}
		})
	}
}

// TestTestkitGenerated: the files are what go generate writes.
func TestTestkitGenerated(t *testing.T) {
	want := map[string][]byte{"README.md": nil}
	for _, c := range must[[]*testkit.Case](t)(testkit.Cases(rsaKey(t))) {
		want[c.Name+testkit.Ending] = c.Marshal()
	}
	entries := must[[]os.DirEntry](t)(os.ReadDir(testkitFolder))
	if *updateGolden {
		for _, e := range entries {
			if _, ok := want[e.Name()]; !ok {
				os.Remove(filepath.Join(testkitFolder, e.Name()))
			}
		}
		for name, data := range want {
			if data == nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(testkitFolder, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		entries = must[[]os.DirEntry](t)(os.ReadDir(testkitFolder))
	}
	if len(entries) != len(want) {
		t.Errorf("%d files, want %d: see the flag -update", len(entries), len(want))
	}
	for name, data := range want {
		if got := readFile(t, testkitFolder, name); data != nil && !bytes.Equal(got, data) {
			t.Errorf("%s is not what is generated: see the flag -update", name)
		}
	}
}

// TestTestkitAttacks: every attack is in the kit, or it is said why not.
func TestTestkitAttacks(t *testing.T) {
	seen, outcomes := map[string]int{}, map[testkit.Outcome]int{}
	for _, c := range kitFiles(t) {
		outcomes[c.Expect]++
		for _, a := range c.Attacks {
			seen[a]++
		}
	}
	for letter, n := range map[string]int{"A": 12, "B": 8, "C": 6} {
		for i := 1; i <= n; i++ {
			attack := fmt.Sprint(letter, i)
			why := testkit.Inexpressible()[attack]
			if seen[attack] == 0 && why == "" || seen[attack] > 0 && why != "" {
				t.Errorf("attack %s: %d cases, and %q", attack, seen[attack], why)
			}
			delete(seen, attack)
		}
	}
	for attack := range seen {
		t.Errorf("attack %s: there is no such", attack)
	}
	if len(outcomes) != 7 {
		t.Errorf("outcomes %v, want all seven", outcomes)
	}
}

// kitOutcome sorts errors.
func kitOutcome(err error) testkit.Outcome {
	meta := new(envelope.MetadataError)
	switch {
	case err == nil:
		return testkit.Success
	case err == envelope.ErrDecrypt: // and nothing around it
		return testkit.Rejected
	case errors.Is(err, envelope.ErrNotEncrypted):
		return testkit.NotEncrypted
	case errors.Is(err, envelope.ErrPolicy):
		return testkit.Policy
	case errors.As(err, &meta):
		return testkit.BadMetadata
	}
	return kitOther(err)
}
