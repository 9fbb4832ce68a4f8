// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/backend/bulk"
)

// An againstFile is the file of --against. While it is read, it looks at whose
// journals are in it: there may be several after each other, as of shards.
type againstFile struct {
	src  io.Reader
	line string     // what was read of the line, if that may be the header of a journal
	body bool       // the line is none
	jobs []bulk.Job // that the journals are about, each once
	read func()     // is called when all was read; may be nil
}

// Headers of journals begin so, and are not longer than paths and names make them.
const (
	headerStart = `{"s3seal_journal":`
	maxHeader   = 64 << 10
)

// Read implements io.Reader.
func (f *againstFile) Read(p []byte) (int, error) {
	n, err := f.src.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		var ends bool
		var part []byte
		part, rest, ends = bytes.Cut(rest, []byte("\n"))
		f.look(part, ends)
	}
	if err == io.EOF && f.read != nil {
		f.read()
		f.read = nil
	}
	return n, err
}

// look takes some more of a line.
func (f *againstFile) look(part []byte, ends bool) {
	if !f.body {
		f.line += string(part[:min(len(part), maxHeader+1)])
		begins := strings.HasPrefix(f.line, headerStart) || strings.HasPrefix(headerStart, f.line)
		f.body = !begins || len(f.line) > maxHeader
	}
	if !ends {
		return
	}
	if !f.body {
		job, _, err := bulk.ReadJournal(strings.NewReader(f.line + "\n"))
		if err == nil && !slices.Contains(f.jobs, job) {
			f.jobs = append(f.jobs, job)
		}
	}
	f.line, f.body = "", false
}

// jobText says in words what a journal is about.
func jobText(j bulk.Job) string {
	if j.Destination == "" || j.Destination == j.Source {
		return j.Operation + " of " + j.Source
	}
	return j.Operation + " of " + j.Source + " to " + j.Destination
}

// jobsText is jobText for some.
func jobsText(jobs []bulk.Job) string {
	var texts []string
	for _, j := range jobs {
		texts = append(texts, jobText(j))
	}
	return strings.Join(texts, ", and of ")
}

// covers says whether a journal may be about what is at place: a part of that, or
// what that is a part of.
func covers(j bulk.Job, place string) bool {
	left := j.Destination
	if left == "" {
		left = j.Source
	}
	return strings.HasPrefix(left, place) || strings.HasPrefix(place, left)
}

// warnAgainst says that the journals are about something else than what is verified.
// That is no error: objects may have been moved, or a server have another name.
func (a *app) warnAgainst(jobs []bulk.Job, at address, place string) {
	if len(jobs) == 0 || slices.ContainsFunc(jobs, func(j bulk.Job) bool { return covers(j, place) }) {
		return
	}
	a.warn("warning: --against: it is the journal of %s, and not of what is in %s", jobsText(jobs), at.text)
}

// byJournals ends the summary: by which journals objects were verified.
func byJournals(jobs []bulk.Job) string {
	if len(jobs) == 0 {
		return ""
	}
	return fmt.Sprintf("; by the journal of %s", jobsText(jobs))
}
