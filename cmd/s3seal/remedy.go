// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/s3seal/s3seal/envelope"
)

// A remedy is what to change about the flags, so that policy no longer refuses one
// object or many: all of it at once, so that nobody is sent from one refusal to
// the next. The zero value changes nothing.
type remedy struct {
	level string   // of --accept; empty if the one there is will do
	flags []string // to be added, besides
	drop  []string // to be left out
	bind  bool     // it takes the names that the object is bound to
}

// add takes in one more refusal. That of a level says what else the object needs,
// also of what is allowed already: --accept is only one.
func (r *remedy) add(p *envelope.PolicyError) {
	for _, option := range p.Options() {
		switch option {
		case "AllowUncommitted":
			r.accept(acceptV2, p.Header)
		case "AllowLegacyWraps", "AllowLegacyCBC":
			r.accept(acceptLegacy, p.Header)
		case "AllowUnauthenticatedCTR":
			r.flags = with(r.flags, flagCTR)
		case "AllowUnauthenticatedRanges":
			r.flags = with(r.flags, flagRanges)
		case "AllowPlaintext":
			r.flags = with(r.flags, flagPlaintext)
		case "RequireBound":
			r.drop = with(r.drop, flagRequireBound)
		case "ContentAAD":
			r.drop = with(r.drop, flagContentAAD)
		case "Bind":
			r.bind = true
		}
	}
}

// accept raises the level.
func (r *remedy) accept(level string, h *envelope.Header) {
	if h != nil {
		need, _ := acceptFor(h.Required())
		level = higher(level, need)
	}
	r.level = higher(r.level, level)
}

// higher returns the level that accepts more.
func higher(a, b string) string {
	levels := []string{"", acceptV3, acceptV2, acceptLegacy}
	return levels[max(slices.Index(levels, a), slices.Index(levels, b))]
}

func with(flags []string, flag string) []string {
	if slices.Contains(flags, flag) {
		return flags
	}
	return append(flags, flag)
}

// added returns the flags to be added, as they are written.
func (r *remedy) added() string {
	flags := r.flags
	if r.level != "" {
		flags = append([]string{"--accept " + r.level}, flags...)
	}
	return strings.Join(flags, " ")
}

// forMany says what to do about objects that are not the same.
func (r *remedy) forMany() string {
	var todo []string
	if flags := r.added(); flags != "" {
		todo = append(todo, "add "+flags)
	}
	for _, flag := range r.drop {
		todo = append(todo, "leave out "+flag)
	}
	return strings.Join(todo, ", ")
}

// policyText says of one object why it was refused, and what to do. It is empty
// where no flag would help.
func policyText(p *envelope.PolicyError, h *envelope.Header) string {
	r := new(remedy)
	r.add(p)
	var texts []string
	if flags := r.added(); flags == flagRanges {
		texts = append(texts, "part of an object cannot be verified: allow it with "+flags)
	} else if flags != "" {
		what := ""
		if h != nil {
			what = "format " + formatText(h.Suite) + ", wrap " + wrapText(h) + ": "
		}
		texts = append(texts, what+"allow it with "+flags)
	}
	if r.bind {
		texts = append(texts, "it is bound to its bucket and key: say which with "+flagBind)
	}
	for _, flag := range r.drop {
		switch flag {
		case flagRequireBound:
			texts = append(texts, "it is not bound to its bucket and key: allow it without "+flag)
		case flagContentAAD:
			texts = append(texts, "only a v2 object can be bound to additional data: leave out "+flag)
		}
	}
	return strings.Join(texts, "; ")
}
