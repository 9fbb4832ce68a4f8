// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/internal/testkit/kitrun"
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

// checkKit compares a run with what the case says.
func checkKit(t *testing.T, c *testkit.Case, r kitrun.Result, how string, whole []byte) {
	t.Helper()
	if r.Outcome != c.Expect {
		t.Errorf("%s: %s (%v), want %s", how, r.Outcome, r.Err, c.Expect)
	}
	if before := slices.Contains([]testkit.Outcome{testkit.NotEncrypted, testkit.BadMetadata, testkit.Policy, testkit.NoKey}, c.Expect); before && r.Unwraps > 0 {
		t.Errorf("%s: %d uses of keys, want none", how, r.Unwraps)
	}
	switch {
	case c.Expect == testkit.Success:
		if len(r.Plain) != c.Size || sha256.Sum256(r.Plain) != c.Sum || r.Authenticated != c.Authenticated {
			t.Errorf("%s: %d bytes, authenticated: %t; want %d, %t", how, len(r.Plain), r.Authenticated, c.Size, c.Authenticated)
		}
	case c.AnyRelease && strings.HasPrefix(how, kitStreams) || c.AnyRelease && c.Suite == testkit.V1:
	case !bytes.HasPrefix(whole, r.Plain):
		t.Errorf("%s: released %d bytes that are no start of the %d that may be", how, len(r.Plain), c.Size)
	case kitTagged(c) && !strings.HasPrefix(how, kitStreams) && len(r.Plain) > 0:
		t.Errorf("%s: released %d bytes before the tag was verified", how, len(r.Plain))
	}
}

// kitTagged says whether one tag is for all of the content.
func kitTagged(c *testkit.Case) bool { return c.Suite == testkit.V3 || c.Suite == testkit.V2GCM }

// checkKitStream wants all that may be released, of what is verified chunk by
// chunk. Other readers may keep back what they cannot vouch for.
func checkKitStream(t *testing.T, c *testkit.Case, r kitrun.Result) {
	t.Helper()
	if c.Suite == testkit.Chunked && c.Range == nil && (len(r.Plain) != c.Size || sha256.Sum256(r.Plain) != c.Sum) {
		t.Errorf("streamed %d bytes, want %d", len(r.Plain), c.Size)
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
					r := kitrun.Run(t.Context(), c, release, sized)
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
