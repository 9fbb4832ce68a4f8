// SPDX-License-Identifier: Apache-2.0

// Package testkit holds encrypted objects, and what a reader must make of each:
// what opens, what is refused before a key is used, what is rejected after
// that, and how much plaintext may have been released by then. They are the files
// of envelope/testdata/testkit, whose README says how other implementations run
// them.
//
// The objects are made by a writer, and read by a reference reader, that share
// no code with the packages that they test: the standard library only, and the
// descriptions of the formats. Both are slow and keep all in memory, and nothing
// in them is constant time. The package is for tests alone.
package testkit

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
)

// An Outcome is how the reading of an object ends.
type Outcome string

// The first four are decided by metadata alone, before any key is used.
const (
	Success      Outcome = "success"
	NotEncrypted Outcome = "not encrypted"
	BadMetadata  Outcome = "bad metadata"
	Policy       Outcome = "policy" // the options do not allow it
	NoKey        Outcome = "no key" // no key serves the wrap
	Rejected     Outcome = "rejected"
	BadRange     Outcome = "bad range" // the plaintext ends before it
)

// Suite names, as a reader might print them.
const (
	V1      = "V1"
	V2CBC   = "V2-CBC"
	V2GCM   = "V2-GCM"
	V2CTR   = "V2-CTR"
	V3      = "V3"
	Chunked = "Chunked"
	DARE2   = "DARE2"
)

// The names of what a reader may allow.
const (
	Uncommitted     = "AllowUncommitted"
	LegacyWraps     = "AllowLegacyWraps"
	LegacyCBC       = "AllowLegacyCBC"
	Unauthenticated = "AllowUnauthenticatedCTR"
	Ranges          = "AllowUnauthenticatedRanges"
	RequireBound    = "RequireBound"
)

// The algorithms of keys.
const (
	AESGCM        = "aes-gcm"
	AESKW         = "aes-wrap"
	AESECB        = "aes-ecb"
	RSAOAEPSHA1   = "rsa-oaep-sha1"
	RSAOAEPSHA256 = "rsa-oaep-sha256"
	RSAPKCS1      = "rsa-pkcs1"
	KMSContext    = "kms-context"
	KMSPlain      = "kms"
)

// A Field is one name of user metadata. The same name may be there twice, in
// other letters.
type Field struct{ Name, Value string }

// A Key is what the reader has: a key and what it serves.
type Key struct {
	Algorithms []string
	Secret     []byte // an AES key, the key of the stand-in for a KMS, or PKCS #8
}

// A Place is what an object was asked for by.
type Place struct{ Bucket, Key string }

// A Span is a part of the plaintext.
type Span struct{ Off, N int64 }

// A Case is one object, and what becomes of it.
type Case struct {
	Name    string // of the file, without its ending
	Expect  Outcome
	Attacks []string
	Comment string

	// Suite is what the object claims to be; empty where metadata does not say.
	Suite string

	// Authenticated says that the tag, or every chunk, vouches for what success
	// has released.
	Authenticated bool

	Keys       []Key
	Allow      []string
	Bind       *Place
	ContentAAD []byte
	Range      *Span

	// Size and Sum are those of all plaintext that may be released: on success
	// the plaintext, else a start of it. Of V3 and V2-GCM, only readers that do
	// not wait for the tag release any before they fail.
	//
	// AnyRelease says that it may be anything: a key that must not tell why it
	// rejects (PKCS #1 v1.5) goes on with another CEK.
	Size       int
	AnyRelease bool
	Sum        [sha256.Size]byte

	Metadata    []Field
	Instruction []byte // nil if there is no instruction file
	Body        []byte

	// Released is the plaintext that Size and Sum are of. It is not in the file.
	Released []byte
}

// Set replaces the value of a name, or adds it.
func (c *Case) Set(name, value string) {
	if i := slices.IndexFunc(c.Metadata, func(f Field) bool { return f.Name == name }); i >= 0 {
		c.Metadata[i].Value = value
		return
	}
	c.Metadata = append(c.Metadata, Field{name, value})
}

// Get returns the value of a name, or nothing.
func (c *Case) Get(name string) string {
	for _, f := range c.Metadata {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Remove removes names.
func (c *Case) Remove(names ...string) {
	c.Metadata = slices.DeleteFunc(c.Metadata, func(f Field) bool { return slices.Contains(names, f.Name) })
}

// Rename gives a value another name.
func (c *Case) Rename(from, to string) {
	for i := range c.Metadata {
		if c.Metadata[i].Name == from {
			c.Metadata[i].Name = to
		}
	}
}

// Map returns the metadata as a map.
func (c *Case) Map() map[string]string {
	m := make(map[string]string, len(c.Metadata))
	for _, f := range c.Metadata {
		m[f.Name] = f.Value
	}
	return m
}

// Allows says whether the reader allows what has this name.
func (c *Case) Allows(option string) bool { return slices.Contains(c.Allow, option) }

// Toggle has the reader allow what it does not, or the other way round.
func (c *Case) Toggle(option string) {
	if i := slices.Index(c.Allow, option); i >= 0 {
		c.Allow = slices.Delete(c.Allow, i, i+1)
	} else {
		c.Allow = append(c.Allow, option)
	}
}

// finish fills in what follows from the rest.
func (c *Case) finish() error {
	c.Size, c.Sum = len(c.Released), sha256.Sum256(c.Released)
	slices.SortFunc(c.Metadata, func(a, b Field) int {
		return cmp.Compare(a.Name, b.Name)
	})
	slices.Sort(c.Allow)
	c.Allow = slices.Compact(c.Allow)
	if c.Name == "" || c.Comment == "" || c.Expect == "" {
		return fmt.Errorf("testkit: case %q: incomplete", c.Name)
	}
	if len(c.Map()) != len(c.Metadata) {
		return fmt.Errorf("testkit: case %q: a name of metadata twice in the same letters", c.Name)
	}
	return nil
}

// Inexpressible are the attacks that no file can hold, and why.
func Inexpressible() map[string]string { return maps.Clone(inexpressible) }

var inexpressible = map[string]string{
	"A10": "takes two attempts of a writer",
	"A11": "takes two objects and a cache between them",
	"A12": "takes a storage that lies about its own checks; what it can deliver is in B1 and B2",
	"C1":  "takes an object of 64 GiB",
	"C2":  "takes 2^32 wraps under one key",
}
