// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/wrap"
)

var updateGolden = flag.Bool("update", false, "rewrite golden files")

// goldenOptions are the columns of the table, by the initials of the options.
// U alone is "modern", UWC is "legacy".
var goldenOptions = []string{"-", "U", "UW", "UC", "UR", "UWC", "UWR", "UWCR", "WCR", "UWCRA", "X", "UX"}

func goldenOpen(initials string) *envelope.OpenOptions {
	has := func(c string) bool { return strings.Contains(initials, c) }
	opts := &envelope.OpenOptions{AllowUncommitted: has("U"), AllowLegacyWraps: has("W"), AllowLegacyCBC: has("C"), AllowUnauthenticatedCTR: has("R")}
	if has("A") {
		opts.ContentAAD = []byte("somebody's")
	}
	if has("X") {
		opts.ExtraSuites = []envelope.Suite{dare.DARE2}
	}
	return opts
}

var optionInitials = map[string]string{"AllowUncommitted": "U", "AllowLegacyWraps": "W", "AllowLegacyCBC": "C", "AllowUnauthenticatedCTR": "R", "ContentAAD": "A", "ExtraSuites": "X"}

// A leaf counts the calls of one key. It does not count the question with an
// empty wrapped key, which only asks what the key serves.
type leaf struct {
	wrap.Unwrapper
	calls *int
}

func (l leaf) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	if len(wrapped) > 0 {
		*l.calls++
	}
	return l.Unwrapper.Unwrap(ctx, alg, wrapped, info)
}

// A goldenRing is a content of a keyring, for one object.
type goldenRing struct {
	name string
	keys []wrap.Unwrapper
}

// counts wraps a key so that its calls count.
func (w *world) counts(u wrap.Unwrapper) wrap.Unwrapper { return leaf{u, &w.unwraps} }

// kindKeys are all that one key of a kind can unwrap. Raw RSA is not among
// them, as it is not for those who do not ask for it.
func (w *world) kindKeys(t testing.TB, kind string) []wrap.Unwrapper {
	var keys []wrap.Unwrapper
	for _, key := range map[string][]func(testing.TB, *world, secrets) wrap.Unwrapper{
		kindAES: {goldenGCM, goldenKW, goldenECB},
		kindRSA: {goldenOAEP1, goldenOAEP256, goldenPKCS1},
		kindKMS: {goldenKMS, goldenKMSPlain},
	}[kind] {
		keys = append(keys, w.counts(key(t, w, w.right)))
	}
	return keys
}

// rings are the keyrings of the table. All objects say kid=1.
func (w *world) rings(t testing.TB, wire wireWrap) []goldenRing {
	right, wrong := w.counts(wire.unwrap(t, w, w.right)), w.counts(wire.unwrap(t, w, w.wrong))
	one, two := map[string]string{"kid": "1"}, map[string]string{"kid": "2"}
	var others, all []wrap.Unwrapper
	for _, kind := range []string{kindAES, kindRSA, kindKMS} {
		if kind != wire.kind {
			others = append(others, w.kindKeys(t, kind)...)
		}
		all = append(all, w.kindKeys(t, kind)...)
	}
	return []goldenRing{
		{"right", []wrap.Unwrapper{right}},
		{"wrong", []wrap.Unwrapper{wrong}},
		{"wrong, right", []wrap.Unwrapper{wrong, right}},
		{"wrong kid=2, right kid=1", []wrap.Unwrapper{wrap.Describe(wrong, two), wrap.Describe(right, one)}},
		{"right kid=2", []wrap.Unwrapper{wrap.Describe(right, two)}},
		{"wrong kid=1, right", []wrap.Unwrapper{wrap.Describe(wrong, one), right}},
		{"other kinds", others},
		{"all kinds", all},
		{"none", nil},
	}
}

// cell opens o and says how that ends: the outcome, and how often keys and the
// KMS were used. What is refused must not have used either, and nothing but CBC
// and CTR releases what it rejects.
func (w *world) cell(t *testing.T, o wireObject, keys wrap.Unwrapper, opts *envelope.OpenOptions) string {
	t.Helper()
	w.unwraps, w.kms.calls = 0, 0
	got, err := o.open(t.Context(), keys, opts)
	if err != nil && len(got) > 0 && (!o.streams || !errors.Is(err, envelope.ErrDecrypt)) {
		t.Errorf("%s by %v: released %d bytes with %v", o.name, keys, len(got), err)
	}
	if refused := errors.Is(err, envelope.ErrPolicy) || isMetadata(err); refused && w.unwraps+w.kms.calls > 0 {
		t.Errorf("%s by %v: %v after %d unwraps and %d calls of the KMS", o.name, keys, err, w.unwraps, w.kms.calls)
	}
	text := goldenOutcome(got, err)
	if w.unwraps > 0 {
		text += fmt.Sprintf("/%d", w.unwraps)
	}
	if w.kms.calls > 0 {
		text += fmt.Sprintf("k%d", w.kms.calls)
	}
	return text
}

func goldenOutcome(got []byte, err error) string {
	var policy *envelope.PolicyError
	var meta *envelope.MetadataError
	switch {
	case errors.As(err, &policy):
		return "!" + optionInitials[policy.Option]
	case errors.As(err, &meta):
		return meta.Name
	case err == envelope.ErrDecrypt:
		return "decrypt"
	case errors.Is(err, wrap.ErrNoKey):
		return "nokey"
	case err != nil:
		return err.Error()
	case string(got) != goldenPlain:
		return "garbage"
	}
	return "ok"
}

const goldenHead = `# Rows: what is on the wire, and what the keyring holds. Columns: the options.
# U AllowUncommitted, W AllowLegacyWraps, C AllowLegacyCBC, R AllowUnauthenticatedCTR, A ContentAAD (a wrong one), X ExtraSuites (DARE2).
# Cells: ok, decrypt (ErrDecrypt), garbage (opens, to something else), nokey (wrap.ErrNoKey), !U (PolicyError about AllowUncommitted);
# /n: n unwraps by keys, kn: n calls of the KMS. At the end, what is a MetadataError about the given name under all options.
`

// TestGoldenTable opens everything that can be on the wire with every keyring
// under every set of options. The table is testdata/golden.txt; the flag
// -update writes it anew.
func TestGoldenTable(t *testing.T) {
	w := newWorld(t)
	var b bytes.Buffer
	b.WriteString(goldenHead)
	objects, cells := wireObjects(t, w), 0
	for _, o := range objects {
		fmt.Fprintf(&b, "\n%-36s%s\n", o.name, goldenLine(goldenOptions))
		for _, ring := range w.rings(t, o.wire) {
			line := w.line(t, o, wrap.NewKeyring(ring.keys...))
			cells += len(line)
			fmt.Fprintf(&b, "    %-32s%s\n", ring.name, goldenLine(line))
		}
	}
	b.WriteString("\n")
	keys := wrap.NewKeyring(slices.Concat(w.kindKeys(t, kindAES), w.kindKeys(t, kindRSA), w.kindKeys(t, kindKMS))...)
	for _, o := range brokenObjects(t, w) {
		line := slices.Compact(w.line(t, o, keys))
		if len(line) != 1 {
			t.Errorf("%s: %q, want the same under all options", o.name, line)
		}
		fmt.Fprintf(&b, "%-60s %s\n", o.name, line[0])
	}
	compareGolden(t, "golden.txt", b.Bytes())
	if len(objects) != 67 || cells != len(objects)*9*len(goldenOptions) {
		t.Errorf("%d objects in %d cells, want 67 in 9 rows each", len(objects), cells)
	}
}

// line opens o under each set of options.
func (w *world) line(t *testing.T, o wireObject, keys wrap.Unwrapper) []string {
	t.Helper()
	cells := make([]string, len(goldenOptions))
	for i, initials := range goldenOptions {
		cells[i] = w.cell(t, o, keys, goldenOpen(initials))
	}
	return cells
}

func goldenLine(cells []string) string {
	var b strings.Builder
	for _, c := range cells {
		fmt.Fprintf(&b, " %-11s", c)
	}
	return strings.TrimRight(b.String(), " ")
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Split(string(readFile(t, path)), "\n")
	for i, line := range strings.Split(string(got), "\n") {
		if i >= len(want) || line != want[i] {
			t.Fatalf("%s, line %d: got  %q; see the flag -update\n%s", path, i+1, line, want[min(i, len(want)-1)])
		}
	}
}
