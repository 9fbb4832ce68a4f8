// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
)

// A Report says what an audit has found. The JSON names are stable.
//
// A Report may be used concurrently while nobody writes to it.
type Report struct {
	Levels []string   `json:"levels"` // names, in the order of AuditOptions.Levels
	Rows   []AuditRow `json:"rows"`   // sorted

	// Others counts the objects for which there was no row left.
	Others AuditCount `json:"others"`

	// Total is everything, rows and others.
	Total AuditCount `json:"total"`

	// Noncurrent counts versions that are not the object any more. They are not
	// looked at.
	Noncurrent int64 `json:"noncurrent,omitempty"`

	Findings []AuditFinding `json:"findings"` // the worst flag first
}

// An AuditCount is how many objects there are, and what they take.
type AuditCount struct {
	Objects int64 `json:"objects"` // how many
	Bytes   int64 `json:"bytes"`   // as stored
}

func (c *AuditCount) add(size int64) {
	c.Objects++
	c.Bytes += size
}

// An AuditRow counts the objects that are alike.
type AuditRow struct {
	Kind string `json:"kind"` // KindSealed and so on
	AuditEnvelope
	AuditCount
}

// An AuditFinding counts the objects with one flag.
type AuditFinding struct {
	Flag AuditFlag `json:"flag"` // that all of them have
	AuditCount

	// Examples are those whose keys come first, in that order.
	Examples []AuditExample `json:"examples"`
}

// An AuditExample is one object with a flag.
type AuditExample struct {
	Key    string `json:"key"`              // of the object
	Detail string `json:"detail,omitempty"` // for people; may hold text from storage
}

// A tally adds up a report. Its memory is bounded by maxRows and examples,
// whatever the number of objects and whatever is in them.
type tally struct {
	report   Report
	rows     map[[sha256.Size]byte]*AuditRow
	findings map[AuditFlag]*AuditFinding
	maxRows  int
	examples int
}

func newTally(opts *AuditOptions) *tally {
	t := &tally{
		rows:     make(map[[sha256.Size]byte]*AuditRow),
		findings: make(map[AuditFlag]*AuditFinding),
		maxRows:  cmp.Or(max(opts.MaxRows, 0), DefaultAuditRows),
		examples: cmp.Or(max(opts.Examples, 0), DefaultAuditExamples),
	}
	for _, level := range opts.levels() {
		t.report.Levels = append(t.report.Levels, level.Name)
	}
	return t
}

func (t *tally) add(o *AuditObject) error {
	t.report.Total.add(o.Size)
	for _, n := range o.Notes {
		t.find(o, n)
	}
	row := AuditRow{Kind: o.Kind, AuditEnvelope: o.AuditEnvelope}
	text, err := json.Marshal(row) // maps in order, so the same row is the same text
	if err != nil {
		return fmt.Errorf("bulk: audit: %w", err)
	}
	id := sha256.Sum256(text)
	r := t.rows[id]
	switch {
	case r != nil:
	case len(t.rows) == t.maxRows:
		t.report.Others.add(o.Size)
		return nil
	default:
		r = &row
		t.rows[id] = r
	}
	r.add(o.Size)
	return nil
}

// find keeps the examples whose keys come first, so that it does not matter in
// which order objects are looked at.
func (t *tally) find(o *AuditObject, n AuditNote) {
	f := t.findings[n.Flag]
	if f == nil {
		f = &AuditFinding{Flag: n.Flag}
		t.findings[n.Flag] = f
	}
	f.add(o.Size)
	at, _ := slices.BinarySearchFunc(f.Examples, o.Key, func(e AuditExample, key string) int { return cmp.Compare(e.Key, key) })
	if at == t.examples {
		return
	}
	f.Examples = slices.Insert(f.Examples, at, AuditExample{o.Key, n.Detail})
	f.Examples = f.Examples[:min(len(f.Examples), t.examples)]
}

// kindRanks is the order of rows.
var kindRanks = []string{KindSealed, KindPlaintext, KindInstruction, KindSidecar, KindDamaged, KindUnknown}

// done returns the report. t must not be used any more.
func (t *tally) done() *Report {
	r := &t.report
	r.Rows, r.Findings = []AuditRow{}, []AuditFinding{} // not null in JSON
	for _, row := range t.rows {
		r.Rows = append(r.Rows, *row)
	}
	slices.SortFunc(r.Rows, AuditRow.compare)
	for _, flag := range auditFlags {
		if f := t.findings[flag]; f != nil {
			r.Findings = append(r.Findings, *f)
		}
	}
	return r
}

// compare orders rows by all that tells them apart.
func (r AuditRow) compare(other AuditRow) int {
	return cmp.Or(
		cmp.Compare(slices.Index(kindRanks, r.Kind), slices.Index(kindRanks, other.Kind)),
		cmp.Compare(r.Format, other.Format),
		slices.CompareFunc(r.Keys, other.Keys, func(a, b AuditKey) int { return cmp.Compare(a.text(), b.text()) }),
		cmp.Compare(r.Where, other.Where),
		cmp.Compare(fmt.Sprint(r.Bound, r.Needs), fmt.Sprint(other.Bound, other.Needs)),
	)
}
