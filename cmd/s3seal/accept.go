// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/s3seal/s3seal/envelope"
)

// Levels of --accept.
const (
	acceptV3     = "v3"
	acceptV2     = "v2"
	acceptLegacy = "legacy"
)

// Flags that allow what --accept does not.
const (
	flagCTR       = "--allow-unauthenticated-ctr"
	flagRanges    = "--allow-unauthenticated-ranges"
	flagPlaintext = "--allow-plaintext"
)

// Flags about objects that are bound to their place.
const (
	flagBind         = "--bind"
	flagRequireBound = "--require-bound"
)

// flagContentAAD is what a reader has to know, and not what it allows.
const flagContentAAD = "--content-aad"

// acceptFlags say which objects a reader trusts.
type acceptFlags struct {
	Accept    string `enum:"v3,v2,legacy" default:"v3" placeholder:"LEVEL" help:"v3 (default): formats that commit to the key, v3 and chunked. v2: also V2-GCM with modern wraps, and dare2. legacy: also CBC and legacy wraps."`
	Legacy    bool   `help:"The same as --accept legacy."`
	CTR       bool   `name:"allow-unauthenticated-ctr" help:"With --accept v2 or legacy, also read AES-CTR objects; alterations go unnoticed."`
	Plaintext bool   `name:"allow-plaintext" help:"Also read objects that are not encrypted."`

	RequireBound bool `help:"Refuse objects that are not bound to their bucket and key (put --bind)."`

	ContentAAD text `name:"content-aad" placeholder:"TEXT" help:"With --accept v2 or legacy, the additional data that AWS's PHP client bound the objects to and stored nowhere; others are refused."`
}

// level is --accept with --legacy, which is another way to spell it.
func (f acceptFlags) level() string {
	if f.Legacy {
		return acceptLegacy
	}
	return f.Accept
}

// options translates the flags.
func (f acceptFlags) options() envelope.OpenOptions {
	level := f.level()
	return envelope.OpenOptions{
		AllowUncommitted:        level != acceptV3,
		AllowLegacyWraps:        level == acceptLegacy,
		AllowLegacyCBC:          level == acceptLegacy,
		AllowUnauthenticatedCTR: f.CTR,
		AllowPlaintext:          f.Plaintext,
		ContentAAD:              []byte(f.ContentAAD),
		ExtraSuites:             extraSuites(),
		RequireBound:            f.RequireBound,
	}
}

// acceptFor returns the flags that a reader of a whole object needs, the
// smallest --accept first; --accept v3 is named too.
func acceptFor(need envelope.OpenOptions) (level string, extra []string) {
	level = acceptV3
	if need.AllowUncommitted {
		level = acceptV2
	}
	if need.AllowLegacyWraps || need.AllowLegacyCBC {
		level = acceptLegacy
	}
	if need.AllowUnauthenticatedCTR {
		extra = append(extra, flagCTR)
	}
	return level, extra
}
