// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/testkit"
)

// A target is one fuzz target. Its seeds are a function of their own, so that a
// test can see that there are some.
type target struct {
	seeds func(t testing.TB) [][]any
	fuzz  func(f *testing.F)
	least int // seeds
}

// targets are all of them, by name.
var targets = map[string]target{
	"FuzzMetadataParse":    {metadataSeeds, FuzzMetadataParse, 600},
	"FuzzInstructionJSON":  {instructionSeeds, FuzzInstructionJSON, 60},
	"FuzzS3DoubleEncoding": {doubleSeeds, FuzzS3DoubleEncoding, 20},
	"FuzzRange":            {rangeSeeds, FuzzRange, 100},
	"FuzzGCM":              {gcmSeeds, FuzzGCM, 150},
	"FuzzCBC":              {cbcSeeds, FuzzCBC, 120},
	"FuzzCTRRange":         {ctrSeeds, FuzzCTRRange, 100},
	"FuzzKeyUnwrap":        {unwrapSeeds, FuzzKeyUnwrap, 200},
	"FuzzOAEPPayload":      {oaepSeeds, FuzzOAEPPayload, 50},
	"FuzzDARE":             {packageSeeds, FuzzDARE, 250},
	"FuzzChunked":          {packageSeeds, FuzzChunked, 250},
	"FuzzEnvelopeOpen":     {openSeeds, FuzzEnvelopeOpen, 2500},
	"FuzzPipelineFaults":   {faultSeeds, FuzzPipelineFaults, 800},
}

// seedsOfFuzzing is about how many seeds fuzzing begins with: what they cover is
// measured one by one, at many times the cost of running them.
const seedsOfFuzzing = 300

// plant gives a target its seeds: all of them where they are all that is run, and
// some of all kinds for fuzzing.
func plant(f *testing.F, seeds [][]any) {
	f.Helper()
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	step := 1
	if fuzzing := flag.Lookup("test.fuzz"); fuzzing != nil && fuzzing.Value.String() != "" {
		step = (len(seeds)-1)/seedsOfFuzzing + 1
	}
	seen := make(map[string]bool, len(seeds))
	for i := 0; i < len(seeds); i += step {
		if text := fmt.Sprintf("%q", seeds[i]); !seen[text] {
			seen[text] = true
			f.Add(seeds[i]...)
		}
	}
}

// largeSeed is how large a body may be that is a seed: fuzzing tries variations of
// a larger one too slowly. The tests of the test kit read those, too.
const largeSeed = 64 << 10

// TestSeeds: every target of this package is listed and has its seeds.
func TestSeeds(t *testing.T) {
	for name, target := range targets {
		if n := len(target.seeds(t)); n < target.least {
			t.Errorf("%s has %d seeds, want at least %d", name, n, target.least)
		}
	}
	files := must[[]string](t)(filepath.Glob("*_test.go"))
	found := 0
	for _, file := range files {
		for line := range strings.Lines(string(must[[]byte](t)(os.ReadFile(file)))) {
			name, ok := strings.CutPrefix(line, "func Fuzz")
			if name, _, _ = strings.Cut(name, "("); !ok {
				continue
			}
			found++
			if _, listed := targets["Fuzz"+name]; !listed {
				t.Errorf("Fuzz%s is not listed", name)
			}
		}
	}
	if found != len(targets) || found != 13 {
		t.Errorf("%d targets, %d listed; want 13", found, len(targets))
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var (
	testKey = []byte("0123456789abcdef0123456789abcdef")
	testIV  = []byte("0123456789abcdef")
)

func newAEAD(t testing.TB, key []byte) cipher.AEAD {
	return must[cipher.AEAD](t)(cipher.NewGCM(newBlock(t, key)))
}

func newBlock(t testing.TB, key []byte) cipher.Block {
	return must[cipher.Block](t)(aes.NewCipher(key))
}

// pattern is a plaintext of up to 1 MiB.
func pattern(size uint32) []byte {
	n := int(size % (1 << 20))
	return bytes.Repeat([]byte("s3seal!"), n/7+1)[:n]
}

// cases are those of the test kit.
func cases(t testing.TB) []*testkit.Case {
	t.Helper()
	var all []*testkit.Case
	for _, name := range must[[]string](t)(filepath.Glob("../envelope/testdata/testkit/*" + testkit.Ending)) {
		all = append(all, must[*testkit.Case](t)(testkit.Parse(filepath.Base(name), must[[]byte](t)(os.ReadFile(name)))))
	}
	if len(all) == 0 {
		t.Fatal("the test kit is not there")
	}
	return all
}

// A fixture is an object of a real client.
type fixture struct {
	Metadata    map[string]string
	Instruction *struct{ File string } `json:"instruction_file"`
	Object      struct{ File string }
	file, body  []byte
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	var all []fixture
	for _, name := range must[[]string](t)(filepath.Glob("../envelope/testdata/fixtures/*.json")) {
		var x fixture
		if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(name)), &x); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		x.body = must[[]byte](t)(os.ReadFile(filepath.Join(filepath.Dir(name), x.Object.File)))
		if x.Instruction != nil {
			x.file = must[[]byte](t)(os.ReadFile(filepath.Join(filepath.Dir(name), x.Instruction.File)))
		}
		all = append(all, x)
	}
	if len(all) == 0 {
		t.Fatal("the fixtures are not there")
	}
	return all
}

// Metadata is fuzzed as one text: names and values, and what is between them.
const betweenFields, betweenNames = "\x1e", "\x1f"

func joinFields(fields []testkit.Field) []byte {
	var texts []string
	for _, f := range fields {
		texts = append(texts, f.Name+betweenNames+f.Value)
	}
	slices.Sort(texts)
	return []byte(strings.Join(texts, betweenFields))
}

func joinMap(m map[string]string) []byte {
	c := new(testkit.Case)
	for name, value := range m {
		c.Set(name, value)
	}
	return joinFields(c.Metadata)
}

// splitFields is the inverse. Of the same name only the last is kept, as in a
// map.
func splitFields(text []byte) []testkit.Field {
	c := new(testkit.Case)
	for field := range strings.SplitSeq(string(text), betweenFields) {
		name, value, _ := strings.Cut(field, betweenNames)
		c.Set(name, value)
	}
	return c.Metadata
}

func asMap(fields []testkit.Field) map[string]string { return (&testkit.Case{Metadata: fields}).Map() }

// cut calls use with pieces of data, at places that schedule chooses.
func cut(data, schedule []byte, use func([]byte)) {
	for _, s := range schedule {
		n := min(int(s)*int(s)*7, len(data)) // 0 to 455 KB, mostly small
		use(data[:n])
		data = data[n:]
	}
	use(data)
}

// A scheduled source yields as many bytes as schedule says, or none, and then
// all that are left. The end comes with the last bytes or after them.
type scheduled struct {
	data, schedule []byte
	idle           int
}

func (s *scheduled) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := len(p)
	if len(s.schedule) > 0 {
		n, s.schedule = int(s.schedule[0])*int(s.schedule[0]), s.schedule[1:]
	}
	if n == 0 {
		if s.idle++; s.idle < 90 { // 100 are an error
			return 0, nil
		}
		n = 1
	}
	s.idle = 0
	n = copy(p[:min(n, len(p))], s.data)
	s.data = s.data[n:]
	if len(s.data) == 0 && n%2 == 1 {
		return n, io.EOF
	}
	return n, nil
}

// readAll reads r in pieces that schedule chooses.
func readAll(r io.Reader, schedule []byte) (out []byte, err error) {
	for _, s := range schedule {
		p := make([]byte, int(s)*int(s)+1)
		n, err := r.Read(p)
		out = append(out, p[:n]...)
		if err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
	}
	rest, err := io.ReadAll(r)
	return append(out, rest...), err
}
