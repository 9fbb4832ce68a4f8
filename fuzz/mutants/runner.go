// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The outcomes of a mutant.
const (
	killed   = "killed"
	hung     = "hung" // the tests do not end with it, which is noticed as well
	survived = "survived"
	excused  = "equivalent" // it has survived, as its entry says
)

// A runner tries mutants and keeps the score.
type runner struct {
	out    io.Writer
	log    string // a file, or empty
	commit string
	limit  time.Duration            // of the tests of a package without a bug
	limits map[string]time.Duration // of those with one, by package

	score     map[string]int
	survivors []string // and whether they touch authentication
	authLost  bool
}

// try runs the tests against one mutant.
func (r *runner) try(ctx context.Context, m mutant) error {
	start := time.Now()
	outcome, by, err := r.outcome(ctx, m)
	if err != nil {
		return err
	}
	took := time.Since(start).Round(100 * time.Millisecond)
	fmt.Fprintf(r.out, "%-10s %-34s %-8s %s\n", outcome, m.name, took, by)
	r.count(m, outcome)
	return r.note(m, outcome, by)
}

// outcome returns also which test has found it.
func (r *runner) outcome(ctx context.Context, m mutant) (outcome, by string, err error) {
	dir, err := os.MkdirTemp("", "s3seal-mutant-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, m)
	if err != nil {
		return "", "", err
	}
	for _, pkg := range m.packages {
		limit, err := r.limitOf(ctx, pkg)
		if err != nil {
			return "", "", err
		}
		got, err := r.goTest(ctx, pkg, limit, "-overlay", overlay)
		switch {
		case err != nil:
			return "", "", fmt.Errorf("%s: %w", m.name, err)
		case got.hung:
			return hung, pkg, nil
		case got.found:
			return killed, pkg + ": " + got.by, nil
		}
	}
	if m.equivalent != "" {
		return excused, "", nil
	}
	return survived, "", nil
}

// writeOverlay stores the file with the bug, and what tells the go command to
// take it.
func writeOverlay(dir string, m mutant) (string, error) {
	bad, err := m.apply()
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, bad, 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

func (r *runner) count(m mutant, outcome string) {
	if r.score == nil {
		r.score = make(map[string]int)
	}
	r.score[outcome]++
	if outcome != survived {
		return
	}
	name := m.name
	if m.auth {
		name += " (authentication)"
		r.authLost = true
	}
	r.survivors = append(r.survivors, name)
}

// verdict prints the score and says whether it will do.
func (r *runner) verdict() error {
	found, lost := r.score[killed]+r.score[hung], r.score[survived]
	fmt.Fprintf(r.out, "commit %s: %d killed, %d hung, %d survived, %d equivalent\n",
		r.commit, r.score[killed], r.score[hung], lost, r.score[excused])
	for _, name := range r.survivors {
		fmt.Fprintln(r.out, "survivor:", name)
	}
	if r.authLost || 100*found < 95*(found+lost) {
		return errSurvivors
	}
	return nil
}

// An entry is a line of the log.
type entry struct {
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Mutant  string    `json:"mutant"`
	Outcome string    `json:"outcome"`
	By      string    `json:"by,omitempty"`
}

// note appends to the log, so that a run that was interrupted can go on.
func (r *runner) note(m mutant, outcome, by string) error {
	if r.log == "" {
		return nil
	}
	line, err := json.Marshal(entry{r.commit, time.Now().UTC().Truncate(time.Second), m.name, outcome, by})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// readLog returns the outcomes that a log has of a commit.
func readLog(name, commit string) (map[string]string, error) {
	done := make(map[string]string)
	if name == "" {
		return done, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if e.Commit == commit {
			done[e.Mutant] = e.Outcome
		}
	}
	return done, lines.Err()
}
