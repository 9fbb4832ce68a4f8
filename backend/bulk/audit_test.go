// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
)

// writeAll writes a report in all three forms.
func writeAll(t *testing.T, name string, report *bulk.Report) {
	t.Helper()
	var table, sheet bytes.Buffer
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteCSV(&sheet); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, name+".txt", table.Bytes())
	golden(t, name+".csv", sheet.Bytes())
	golden(t, name+".json", append(text, '\n'))
}

// TestAuditFixtures audits one object of each configuration that real clients
// have written, and the formats that only s3seal writes.
func TestAuditFixtures(t *testing.T) {
	d := mem.New()
	for name, s := range oneOfEach(t) {
		s.put(t, d, "vault/"+name)
	}
	k := auditKey(t)
	sealedBy(t, d, "vault/chunked", k, &backend.Options{Name: "b", Bind: true, Seal: envelope.SealOptions{
		Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: k, MatDesc: map[string]string{"for": "backup"}}},
	}}, make([]byte, 1000))
	sealedBy(t, d, "vault/dare2", k, &backend.Options{Seal: envelope.SealOptions{Suite: dare.DARE2}}, make([]byte, 1000))
	report := auditAll(t, d, nil)
	if len(report.Findings) != 0 {
		t.Errorf("findings %+v, want none in objects of real clients", report.Findings)
	}
	writeAll(t, "audit_fixtures", report)
}

// TestAuditNeedsMatchFixtures holds what the report says against the verdicts
// that are known of each writer, object by object.
func TestAuditNeedsMatchFixtures(t *testing.T) {
	d := mem.New()
	all := oneOfEach(t)
	for name, s := range all {
		s.put(t, d, name)
	}
	seen := make(map[string]*bulk.AuditObject)
	auditAll(t, d, &bulk.AuditOptions{OnObject: func(o *bulk.AuditObject) { seen[o.Key] = o }})
	for name, want := range map[string]string{
		"aes256-ruby3-commit": "v3,v2,legacy", "aes256-ruby3-commit-if": "v3,v2,legacy", "kms-go4-commit": "v3,v2,legacy",
		"rsa2048-ruby2-gcm": "v2,legacy", "aes256-java2-gcm-if": "v2,legacy", "kms-py4-gcm": "v2,legacy",
		"rsa2048-java1-gcm": "legacy", "aes256-bold-cbc": "legacy", "kms-gov1v1-gcm": "legacy", "aes256-seedpy-gcm": "legacy",
		"aes256-seedpy-ctr": "",
	} {
		if o := seen[name]; o == nil || o.Kind != bulk.KindSealed || strings.Join(o.Accepts, ",") != want {
			t.Errorf("%s: %+v, want accepted by %q", name, o, want)
		}
	}
	for name, s := range all {
		if file := seen[name+envelope.InstructionSuffix]; s.file != nil && (file == nil || file.Kind != bulk.KindInstruction || len(file.Notes) != 0) {
			t.Errorf("instruction file of %s: %+v, want one without notes", name, file)
		}
		if o := seen[name]; o == nil || (o.Where == "instruction-file") != (s.file != nil) || len(o.Notes) != 0 {
			t.Errorf("%s: %+v, want its envelope found and no notes", name, o)
		}
	}
}

// TestAuditRecipientsBound looks at what only s3seal's own formats have.
func TestAuditRecipientsBound(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	sealedBy(t, d, "many", k, &backend.Options{Bind: true, Seal: envelope.SealOptions{
		Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: k, MatDesc: map[string]string{"for": "backup"}}},
	}}, nil)
	strict := []bulk.AuditLevel{{Name: "bound", Open: envelope.OpenOptions{RequireBound: true}}, {Name: "all"}}
	sealedBy(t, d, "plain", k, nil, nil)
	report := auditAll(t, d, &bulk.AuditOptions{Levels: strict})
	if len(report.Rows) != 2 || !slices.Equal(report.Levels, []string{"bound", "all"}) {
		t.Fatalf("rows %+v", report.Rows)
	}
	many, v3 := report.Rows[0], report.Rows[1]
	if many.Format != "chunked" || !many.Bound || len(many.Keys) != 2 || many.Keys[1].MatDesc["for"] != "backup" || !slices.Equal(many.Accepts, report.Levels) {
		t.Errorf("row %+v, want chunked, bound, for two keys, accepted by both", many)
	}
	if v3.Format != "v3" || v3.Bound || !slices.Equal(v3.Accepts, []string{"all"}) {
		t.Errorf("row %+v, want V3, accepted where nothing has to be bound", v3)
	}
}

// TestAuditRows bounds rows, and counts what is left.
func TestAuditRows(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	for i := range 20 {
		sealedBy(t, d, fmt.Sprint(i), k, &backend.Options{Seal: envelope.SealOptions{MatDesc: map[string]string{"n": fmt.Sprint(i)}}}, []byte("x"))
	}
	report := auditAll(t, d, &bulk.AuditOptions{MaxRows: 7})
	if len(report.Rows) != 7 || report.Others != (bulk.AuditCount{Objects: 13, Bytes: 13 * 17}) || report.Total.Objects != 20 {
		t.Errorf("%d rows, others %+v, total %+v; want 7, 13 objects, 20", len(report.Rows), report.Others, report.Total)
	}
}

// TestAuditExamples keeps those that come first, in whatever order they come.
func TestAuditExamples(t *testing.T) {
	d := mem.New()
	var objects []*backend.Info
	for _, key := range []string{"d", "b", "e", "a", "c"} {
		rawPut(t, d, key, []byte("plain"), nil)
		objects = append(objects, &backend.Info{Key: key, Size: 5})
	}
	report, err := bulk.Audit(t.Context(), keyless(d), sequence(objects), &bulk.AuditOptions{Examples: 3, Options: bulk.Options{Workers: 1}})
	want := []bulk.AuditExample{{Key: "a"}, {Key: "b"}, {Key: "c"}}
	if err != nil || len(report.Findings) != 1 || report.Findings[0].Objects != 5 || !slices.Equal(report.Findings[0].Examples, want) {
		t.Errorf("Audit = %+v, %v; want examples %v of 5", report.Findings, err, want)
	}
}

// TestAuditKeysClipped keeps what somebody else wrote from filling memory.
func TestAuditKeysClipped(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	desc := map[string]string{}
	for i := range 30 {
		desc[fmt.Sprintf("%02d", i)] = strings.Repeat("é", 250)
	}
	sealedBy(t, d, "x", k, &backend.Options{InstructionFile: true, Seal: envelope.SealOptions{MatDesc: desc}}, nil)
	report := auditAll(t, d, nil)
	got := report.Rows[0].Keys[0].MatDesc
	if want := strings.Repeat("é", 64) + "..."; len(got) != 8 || got["00"] != want {
		t.Errorf("matdesc %q, want 8 entries, each 128 bytes and dots", got)
	}
}

// TestAuditEscapes has keys and descriptions that would harm a terminal or a
// spreadsheet.
func TestAuditEscapes(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	keys := []string{"=cmd|'/c calc'!A0", "+1", "-1", "@sum", "a\x1b[2Jb", "c\nd,\"e\"", "bidi\u202egpj", `back\n`, "＝1"}
	for _, key := range keys {
		rawPut(t, d, key, []byte("plain"), nil)
	}
	sealedBy(t, d, "sealed", k, &backend.Options{Seal: envelope.SealOptions{MatDesc: map[string]string{"\x1b]0;x\a": "=1+1"}}}, nil)
	context := map[string]string{"x-amz-t": `{"aws:x-amz-cek-alg":"115","\u001b[2J":"x"}`}
	oneOfEach(t)["kms-go4-commit"].with(context).put(t, d, "context")
	sealedBy(t, d, "hidden", k, nil, nil)
	report := auditAll(t, statting{d, func(key string) error {
		if key == "hidden" {
			return errors.New("the server says \x1b[2J")
		}
		return nil
	}}, nil)
	var table, sheet bytes.Buffer
	if err := errors.Join(report.WriteTable(&table), report.WriteCSV(&sheet)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{table.String(), sheet.String()} {
		if strings.ContainsAny(text, "\x1b\a\u202e") {
			t.Errorf("control characters in %q", text)
		}
	}
	for _, want := range []string{`    a\x1b[2Jb` + "\n", `    c\nd,"e"` + "\n", `    bidi\u202egpj` + "\n", `    back\\n` + "\n"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("table has no %q:\n%s", want, &table)
		}
	}
	records, err := csv.NewReader(&sheet).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		for _, cell := range r {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("cell %q would be a formula", cell)
			}
		}
		if r[0] == "example" {
			got = append(got, r[len(r)-2])
		}
	}
	if want := []string{"'+1", "'-1", `'=cmd|'/c calc'!A0`, "'@sum", `a\x1b[2Jb`, `back\\n`, `bidi\u202egpj`, `c\nd,"e"`, "'＝1", "hidden"}; !slices.Equal(got, want) {
		t.Errorf("keys in CSV %q, want %q", got, want)
	}
}

// TestAuditJSONEscapes reads back what it writes without a byte that a terminal
// could obey.
func TestAuditJSONEscapes(t *testing.T) {
	d := mem.New()
	key := "a\x1b\x7f\u009b\u202e\U000e0001é漢 \"<\\"
	rawPut(t, d, key, []byte("plain"), nil)
	var objects []*bulk.AuditObject
	report := auditAll(t, d, &bulk.AuditOptions{OnObject: func(o *bulk.AuditObject) { objects = append(objects, o) }})
	for _, v := range []any{report, objects} {
		text, err := json.Marshal(v)
		if err != nil || strings.ContainsFunc(string(text), func(r rune) bool { return !unicode.IsPrint(r) }) || !strings.Contains(string(text), "é漢") {
			t.Errorf("JSON = %q, %v; want printable text", text, err)
		}
	}
	var gotReport bulk.Report
	var gotObjects []*bulk.AuditObject
	text, _ := json.Marshal(report)
	texts, _ := json.Marshal(objects)
	if err := errors.Join(json.Unmarshal(text, &gotReport), json.Unmarshal(texts, &gotObjects)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&gotReport, report) || !reflect.DeepEqual(gotObjects, objects) {
		t.Errorf("read back %+v and %+v, want %+v and %+v", gotReport, gotObjects[0], report, objects[0])
	}
}

// TestAuditPlaintextLevel has a level that lets plaintext in.
func TestAuditPlaintextLevel(t *testing.T) {
	d := mem.New()
	rawPut(t, d, "readme", []byte("plain"), nil)
	report := auditAll(t, d, &bulk.AuditOptions{Levels: []bulk.AuditLevel{
		{Name: "v3"},
		{Name: "any", Open: envelope.OpenOptions{AllowPlaintext: true}},
		{Name: "bound", Open: envelope.OpenOptions{AllowPlaintext: true, RequireBound: true}},
	}})
	row := report.Rows[0]
	if row.Kind != bulk.KindPlaintext || !slices.Equal(row.Accepts, []string{"any"}) || !slices.Equal(row.Needs, []string{"AllowPlaintext"}) {
		t.Errorf("row %+v, want plaintext that only the second level accepts", row)
	}
}

// TestAuditWriteFails has writers that are full, at once or later.
func TestAuditWriteFails(t *testing.T) {
	d := mem.New()
	rawPut(t, d, "readme", []byte("plain"), nil)
	report := auditAll(t, d, nil)
	var whole bytes.Buffer
	if err := report.WriteTable(&whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Len() {
		w := &full{n}
		if err := report.WriteTable(w); !errors.Is(err, errFull) {
			t.Fatalf("WriteTable to a writer of %d bytes = %v, want its error", n, err)
		}
	}
	if err := report.WriteCSV(&full{10}); !errors.Is(err, errFull) {
		t.Errorf("WriteCSV = %v, want the error of the writer", err)
	}
}

var errFull = errors.New("disk full")

// full is a writer of so many bytes.
type full struct{ left int }

func (w *full) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, errFull
	}
	w.left -= len(p)
	return len(p), nil
}

// TestWriteTableFunc has words of the caller in the rows that need anything, and
// nowhere else.
func TestWriteTableFunc(t *testing.T) {
	report := &bulk.Report{Rows: []bulk.AuditRow{
		{Kind: bulk.KindSealed, AuditEnvelope: bulk.AuditEnvelope{Format: "v2", Accepts: []string{"v2"}, Needs: []string{"AllowUncommitted"}}},
		{Kind: bulk.KindSealed, AuditEnvelope: bulk.AuditEnvelope{Format: "v3"}},
	}}
	var words, names strings.Builder
	err := report.WriteTableFunc(&words, func(needs []string) string { return "<" + strings.Join(needs, "+") + ">" })
	if err != nil || strings.Count(words.String(), "<AllowUncommitted>") != 1 || strings.Count(words.String(), "<") != 1 {
		t.Errorf("WriteTableFunc = %v\n%s", err, words.String())
	}
	if err := report.WriteTableFunc(&names, nil); err != nil || strings.Contains(names.String(), "Allow") {
		t.Errorf("WriteTableFunc without words = %v\n%s", err, names.String())
	}
}
