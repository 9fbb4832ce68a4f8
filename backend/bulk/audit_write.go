// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// text says which key is wanted, in one line.
func (k AuditKey) text() string {
	words := []string{k.Kind}
	if k.Bits > 0 {
		words[0] += "-" + strconv.Itoa(k.Bits)
	}
	words = append(words, k.KMSKeys...)
	if len(k.MatDesc) > 0 {
		desc, err := json.Marshal(k.MatDesc) // sorted; a map of strings cannot fail
		if err == nil {
			words = append(words, string(desc))
		}
	}
	if len(k.Context) > 0 {
		words = append(words, "context("+strings.Join(k.Context, ",")+")")
	}
	return strings.Join(words, " ")
}

// wraps names the wraps of all recipients, each once.
func (e *AuditEnvelope) wraps() string {
	var names []string
	for _, k := range e.Keys {
		if !slices.Contains(names, k.Wrap) {
			names = append(names, k.Wrap)
		}
	}
	return strings.Join(names, " or ")
}

func (e *AuditEnvelope) keys() string {
	texts := make([]string, len(e.Keys))
	for i, k := range e.Keys {
		texts[i] = k.text()
	}
	return strings.Join(texts, " or ")
}

// cells are what table and CSV have in common: one for each of columns. What is
// no object to be read is neither accepted nor refused.
func (r *Report) cells(row *AuditRow) []string {
	cells := []string{row.Kind, row.Format, row.Content, row.wraps(), row.keys(), row.Where, ""}
	if row.Kind == KindSealed {
		cells[len(cells)-1] = yesNo(row.Bound)
	}
	for _, level := range r.Levels {
		verdict := ""
		if row.Kind == KindSealed || row.Kind == KindPlaintext || row.Kind == KindDamaged {
			verdict = yesNo(slices.Contains(row.Accepts, level))
		}
		cells = append(cells, verdict)
	}
	return append(cells, strings.Join(row.Needs, " "), count(row.Objects), count(row.Bytes))
}

func (r *Report) columns() []string {
	return slices.Concat([]string{"kind", "format", "content", "wrap", "keys", "where", "bound"}, r.Levels, []string{"needs", "objects", "bytes"})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// printable escapes what a terminal could take for something else than text, as
// in a string of Go. Backslashes are doubled, so that nothing else looks escaped.
func printable(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// WriteTable writes the report for people: a line for each row, then the
// findings with their examples. Under the name of a level stands whether it
// accepts the objects, and what they need where none does. What comes from
// storage is escaped, control characters and the like, so that a terminal
// shows it and does not obey it.
//
// It may be called concurrently.
func (r *Report) WriteTable(w io.Writer) error { return r.WriteTableFunc(w, nil) }

// WriteTableFunc is WriteTable with words of the caller for what it takes to read the
// objects of a row: needs is called with AuditEnvelope.Needs of each row that has
// any, also where a level accepts it, and what it returns is the text. nil is as
// WriteTable.
//
// It may be called concurrently if needs may.
func (r *Report) WriteTableFunc(w io.Writer, needs func([]string) string) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	// Errors of w stick: Flush returns the first.
	line := func(cells []string) {
		for i, c := range cells {
			if cells[i] = printable(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(tab, strings.Join(cells, "\t"))
	}
	titles := r.columns()
	for i, title := range titles {
		titles[i] = strings.ToUpper(title)
	}
	line(titles)
	for i := range r.Rows {
		row := &r.Rows[i]
		cells := r.cells(row)
		switch said := &cells[len(cells)-3]; {
		case needs != nil && len(row.Needs) > 0:
			*said = needs(row.Needs)
		case len(row.Accepts) > 0:
			*said = "" // the levels say it in fewer words
		}
		line(cells)
	}
	blank := make([]string, len(titles)-3)
	for _, sum := range []struct {
		name string
		AuditCount
	}{{"others", r.Others}, {"total", r.Total}} {
		if sum.name == "total" || sum.Objects > 0 {
			line(slices.Concat([]string{sum.name}, blank, []string{count(sum.Objects), count(sum.Bytes)}))
		}
	}
	if err := tab.Flush(); err != nil {
		return fmt.Errorf("bulk: write report: %w", err)
	}
	return r.writeFindings(w)
}

func (r *Report) writeFindings(w io.Writer) error {
	var b strings.Builder
	if r.Noncurrent > 0 {
		fmt.Fprintf(&b, "\nnot looked at: %d noncurrent versions\n", r.Noncurrent)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%s: objects %d, bytes %d\n", f.Flag, f.Objects, f.Bytes)
		for _, e := range f.Examples {
			text := "    " + printable(e.Key)
			if e.Detail != "" {
				text += ": " + printable(e.Detail)
			}
			b.WriteString(text + "\n")
		}
		if more := f.Objects - int64(len(f.Examples)); more > 0 {
			fmt.Fprintf(&b, "    and %d more\n", more)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("bulk: write report: %w", err)
	}
	return nil
}

// WriteCSV writes the report as CSV (RFC 4180, but for lines that end in LF). The
// first column says what a record is: "row", "others" and "total" have the counts,
// "finding" has a flag with its counts, "example" a flag with a key and a detail.
// The names of the columns are in the first record; there is one for each level.
//
// Text is escaped as WriteTable does it, and a value that begins with one of
// = + - @ gets an apostrophe before it, since spreadsheets would take it for a
// formula, which whoever can name an object or write its metadata could then run.
// That helps where the comma is what divides values, and not where a spreadsheet
// is told, or takes it for granted, that it is something else.
//
// It may be called concurrently.
func (r *Report) WriteCSV(w io.Writer) error {
	columns := slices.Concat([]string{"record"}, r.columns(), []string{"flag", "key", "detail"})
	out := csv.NewWriter(w)
	// record writes what is not empty; errors stick until the end.
	record := func(kind string, cells []string, last ...string) {
		all := make([]string, len(columns))
		all[0] = kind
		copy(all[1:], cells)
		copy(all[len(all)-3:], last)
		for i := range all {
			all[i] = harmless(all[i])
		}
		_ = out.Write(all) // Flush keeps the error
	}
	counts := func(c AuditCount) []string {
		return slices.Concat(make([]string, len(columns)-6), []string{count(c.Objects), count(c.Bytes)})
	}
	for i := range columns {
		columns[i] = harmless(columns[i])
	}
	_ = out.Write(columns)
	for i := range r.Rows {
		record("row", r.cells(&r.Rows[i]))
	}
	record("others", counts(r.Others))
	record("total", counts(r.Total))
	for _, f := range r.Findings {
		record("finding", counts(f.AuditCount), string(f.Flag))
		for _, e := range f.Examples {
			record("example", nil, string(f.Flag), e.Key, e.Detail)
		}
	}
	if out.Flush(); out.Error() != nil {
		return fmt.Errorf("bulk: write report: %w", out.Error())
	}
	return nil
}

// formulas begin with one of these; the wide ones count as well where they are
// what a keyboard has.
const formulas = "=+-@＝＋－＠"

// harmless is printable for cells of a spreadsheet.
func harmless(s string) string {
	s = printable(s)
	if first, size := utf8.DecodeRuneInString(s); size > 0 && strings.ContainsRune(formulas, first) {
		return "'" + s
	}
	return s
}

// MarshalJSON returns the report as JSON. Of values from storage, all that a
// terminal could take for something else than text is escaped, not only what JSON
// asks for; they are the same values to whoever reads JSON.
//
// It may be called concurrently.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report // without this method
	return escapedJSON(plain(r))
}

// MarshalJSON returns the object as JSON, escaped as a [Report] is. It may be
// called concurrently.
func (o AuditObject) MarshalJSON() ([]byte, error) {
	type plain AuditObject
	return escapedJSON(plain(o))
}

// escapedJSON escapes what is neither ASCII nor printable. In JSON that can stand
// inside strings only.
func escapedJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("bulk: report: %w", err)
	}
	var b []byte
	for _, c := range string(text) {
		if c < utf8.RuneSelf && c != 0x7f || unicode.IsPrint(c) {
			b = utf8.AppendRune(b, c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			b = fmt.Appendf(b, `\u%04x`, unit)
		}
	}
	return b, nil
}
