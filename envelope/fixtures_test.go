// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
)

// fixtureCount is how many there are: 124 objects, 35 with an instruction file.
const fixtureCount, fixtureFiles = 124, 35

// A fixture is an object that a real client wrote, with the key that opens it.
type fixture struct {
	name string
	object
	keys wrap.Unwrapper
}

// A fixtureFile is the JSON beside the body of a fixture.
type fixtureFile struct {
	Name     string
	Metadata map[string]string
	Kek      struct {
		Type, Hex string
		Master    string `json:"master_key_hex"`
	}
	Instruction *struct{ File string } `json:"instruction_file"`
	Object      struct {
		File   string
		SHA256 string
	}
	Plaintext struct {
		Size   int
		SHA256 string
	}
}

func loadFixtures(t testing.TB) []fixture {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "fixtures", "*.json"))
	if err != nil || len(names) != fixtureCount {
		t.Fatalf("fixtures: want %d, got %d (%v)", fixtureCount, len(names), err)
	}
	all := make([]fixture, len(names))
	for i, name := range names {
		all[i] = loadFixture(t, name)
	}
	return all
}

func loadFixture(t testing.TB, name string) fixture {
	t.Helper()
	var f fixtureFile
	parseJSON(t, readFile(t, name), &f)
	body := readFile(t, filepath.Dir(name), f.Object.File)
	plain := make([]byte, f.Plaintext.Size)
	for i := range plain {
		plain[i] = byte(i * 7)
	}
	if sum := sha256.Sum256(plain); hex.EncodeToString(sum[:]) != f.Plaintext.SHA256 {
		t.Fatalf("%s: plaintext is not made by the rule", name)
	}
	keys := rsaKeys(t, rsaKey(t))
	switch f.Kek.Type {
	case "aes":
		keys = aesKeys(t, vectors.DecodeHex(t, f.Kek.Hex))
	case "kms":
		keys = standIn{must[cipher.Block](t)(aes.NewCipher(vectors.DecodeHex(t, f.Kek.Master)))}
	}
	o := object{meta: f.Metadata, body: body, plain: plain}
	if f.Instruction != nil {
		o.file = readFile(t, filepath.Dir(name), f.Instruction.File)
	}
	return fixture{f.Name, o, keys}
}

// TestFixtures opens what real clients wrote, under every set of options: it
// opens exactly if the set holds what Required says, and where it does not,
// no key is used.
func TestFixtures(t *testing.T) {
	for _, f := range loadFixtures(t) {
		t.Run(f.name, func(t *testing.T) { testAllOptions(t, f) })
	}
}

func testAllOptions(t *testing.T, f fixture) {
	h := must[*envelope.Header](t)(f.header())
	required := h.Required()
	for set := range 1 << 4 {
		var opts envelope.OpenOptions
		allowed := true
		fields, need := flags(&opts), flags(&required)
		for i, name := range optionOrder {
			*fields[name] = set>>i&1 == 1
			allowed = allowed && (*fields[name] || !*need[name])
		}
		keys := &counter{Unwrapper: f.keys}
		got, err := f.open(t.Context(), keys, &opts)
		switch {
		case allowed && (err != nil || !bytes.Equal(got, f.plain)):
			t.Errorf("open with %+v = %d bytes, %v; want %d bytes", opts, len(got), err, len(f.plain))
		case !allowed && (!errors.Is(err, envelope.ErrPolicy) || keys.calls != 0 || len(got) != 0):
			t.Errorf("open with %+v = %d bytes, %v, after %d unwraps; want ErrPolicy", opts, len(got), err, keys.calls)
		}
	}
}

var optionOrder = []string{"AllowUncommitted", "AllowLegacyWraps", "AllowLegacyCBC", "AllowUnauthenticatedCTR"}

// TestFixturesRequired pins what each writer's objects need, so that a change
// of Required cannot pass by changing both sides.
func TestFixturesRequired(t *testing.T) {
	want := map[string]string{
		"ruby3-commit":    "",
		"ruby2-gcm":       "U",
		"ruby2-gcm-desc":  "U",
		"java1-gcm":       "UW",
		"java1-gcm-mp":    "UW",
		"java1-gcm-bc":    "UW",
		"seedpy-gcm":      "UW",
		"bold-cbc":        "UWC",
		"ruby1-cbc":       "UWC",
		"seedpy-cbc":      "UWC",
		"seedpy-cbc-mp":   "UWC",
		"seedpy-ctr":      "UWR",
		"java1-cbc-if":    "UWC",
		"java2-gcm-if":    "U",
		"java1-gcm-if":    "UW",
		"ruby3-commit-if": "",
		"gov1v1-cbc-if":   "UWC",
		"gov1v1-gcm":      "UW",
		"php1-gcm-if":     "UW",
		"php2-gcm-ctx":    "U",
		"php3-commit-if":  "",
		"go4-commit":      "",
		"go4-commit-ctx":  "",
		"py4-gcm":         "U",
	}
	for _, f := range loadFixtures(t) {
		writer := f.name[strings.Index(f.name, "-")+1 : strings.LastIndex(f.name, "-")]
		h := must[*envelope.Header](t)(f.header())
		got := initials(h.Required())
		if w, ok := want[writer]; !ok || got != w {
			t.Errorf("%s: Required = %q, want %q", f.name, got, w)
		}
	}
}

// initials names the options that are set, in their order.
func initials(opts envelope.OpenOptions) string {
	var text strings.Builder
	for i, name := range optionOrder {
		if *flags(&opts)[name] {
			text.WriteString(string("UWCR"[i]))
		}
	}
	return text.String()
}

// TestFixturesRead reads every fixture in every way there is to read.
func TestFixturesRead(t *testing.T) {
	for _, f := range loadFixtures(t) {
		h := must[*envelope.Header](t)(f.header())
		for _, release := range []envelope.Release{nil, envelope.Buffered(int64(len(f.body))), envelope.UnverifiedUntilEOF()} {
			opts := everything()
			opts.Release = release
			opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, f.keys, &opts))
			for _, size := range []int64{-1, int64(len(f.body))} {
				checkReads(t, f, opener, size)
			}
		}
		low, high, err := h.PlaintextSize(int64(len(f.body)))
		if n := int64(len(f.plain)); err != nil || n < low || n > high {
			t.Errorf("%s: PlaintextSize = %d to %d, %v; want to hold %d", f.name, low, high, err, n)
		}
	}
}

func checkReads(t *testing.T, f fixture, opener *envelope.Opener, size int64) {
	t.Helper()
	for _, read := range []func(io.Reader) ([]byte, error){
		io.ReadAll,
		func(r io.Reader) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(r)) },
		func(r io.Reader) ([]byte, error) {
			var b bytes.Buffer
			_, err := r.(io.WriterTo).WriteTo(&b)
			return b.Bytes(), err
		},
	} {
		r := must[io.ReadCloser](t)(opener.Reader(iotest.DataErrReader(bytes.NewReader(f.body)), size))
		if got, err := read(r); err != nil || !bytes.Equal(got, f.plain) {
			t.Errorf("%s, size %d: read %d bytes, %v; want %d", f.name, size, len(got), err, len(f.plain))
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: Close = %v", f.name, err)
		}
	}
}

// TestSESHeader reads the metadata of a mail stored by Amazon SES: a legacy
// wrap with modern content.
func TestSESHeader(t *testing.T) {
	var file struct{ Metadata map[string]string }
	parseJSON(t, vectors.Read(t, "formats_ses_metadata.json"), &file)
	file.Metadata["x-amz-key-v2"] = base64.StdEncoding.EncodeToString(make([]byte, 184)) // not published
	h, err := envelope.ParseHeader(file.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if h.Suite != envelope.V2GCM || h.Wrap != wrap.KMSPlain || len(h.MatDesc) < 3 {
		t.Errorf("header = %v with %d entries, want V2-GCM, kms and at least 3", h, len(h.MatDesc))
	}
}

// TestFixturesFolder keeps stray files out: each body has its description.
func TestFixturesFolder(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("testdata", "fixtures"))
	if want := fixtureCount*2 + fixtureFiles + 1; err != nil || len(entries) != want {
		t.Errorf("folder has %d entries (%v), want %d", len(entries), err, want)
	}
}
