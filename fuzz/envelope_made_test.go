// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/internal/testkit"
)

var madeSuites = []string{testkit.V3, testkit.V2GCM, testkit.Chunked, testkit.DARE2, testkit.V2CBC, testkit.V2CTR, testkit.V1}

// The bytes of a recipe: suite and wrap, sizes, and what else may be.
const (
	recipeCEK      = 1 << (16 + 2*iota) // and the next bit
	recipeUnpadded                      // each of the others once in four times
	recipeInFile
	recipeBound
	recipeAAD
	recipeSeveral
	recipeRSA // unless RSA is asked for twice, it is not taken: it is slow
)

// madeSizes are those of plaintexts around edges. The last is one for which a
// body is not kept in memory.
var madeSizes = []uint32{0, 15, 16, 16383, 16384, 16385, 32769, 65535, 65536, 65537, 131073, 1<<20 - 1}

// hasAll takes both bits of a number.
func hasAll(recipe, bits uint32) bool { return recipe&(3*bits) == 3*bits }

// makeObject makes what a recipe says and alters it. The body is the plaintext, or
// takes the place of the sealed one.
func makeObject(maker *testkit.Maker, recipe uint32, ops, meta, body []byte, raw bool) *testkit.Case {
	suite := madeSuites[int(recipe%256)%len(madeSuites)]
	wraps := testkit.Wraps(suite)
	r := testkit.Recipe{Suite: suite, Wrap: wraps[int(recipe%256)/len(madeSuites)%len(wraps)], Plain: body}
	if slices.Contains(openRings[rsaRing], r.Wrap) && !hasAll(recipe, recipeRSA) {
		r.Wrap = wraps[0]
	}
	if size := int(recipe / 256 % 256); raw || size >= 256-len(madeSizes) {
		r.Plain = pattern(madeSizes[(255-size)%len(madeSizes)])
		if !raw {
			r.Plain = append(r.Plain, body[:min(len(body), 40)]...)
		}
	}
	r.CEK = []int{32, 32, 16, 24}[recipe/recipeCEK%4]
	r.Unpadded, r.InFile = hasAll(recipe, recipeUnpadded), hasAll(recipe, recipeInFile)
	if own := suite == testkit.Chunked || suite == testkit.DARE2; own && hasAll(recipe, recipeBound) {
		r.Bind = openPlace
	}
	if suite == testkit.V2GCM && hasAll(recipe, recipeAAD) {
		r.ContentAAD = "somebody's"
	}
	if suite == testkit.Chunked && hasAll(recipe, recipeSeveral) {
		r.More = []string{testkit.KMSContext, testkit.AESGCM}
	}
	c, other := maker.Make(r)
	if raw {
		c.Body = slices.Clone(body)
	}
	alterObject(c, other, ops, meta)
	return c
}

// alterCase alters a case of the test kit. Where it is read by something else
// than it was made for is up to the options, too.
func alterCase(all []*testkit.Case, which uint32, ops, meta, more []byte) *testkit.Case {
	i := int(which % uint32(len(all)))
	c := &testkit.Case{
		Suite: all[i].Suite, Metadata: slices.Clone(all[i].Metadata), Keys: slices.Clone(all[i].Keys), Allow: slices.Clone(all[i].Allow),
		Body: slices.Concat(all[i].Body, more), Bind: all[i].Bind, ContentAAD: all[i].ContentAAD, Instruction: slices.Clone(all[i].Instruction), Range: all[i].Range,
	}
	alterObject(c, all[(i+1)%len(all)], ops, meta)
	return c
}

// unitsOf is the size of the first unit of a body, and of the others.
func unitsOf(c *testkit.Case) (first, size int) {
	switch c.Suite {
	case testkit.Chunked:
		return 56, 16400
	case testkit.DARE2:
		return 1<<16 + 32, 1<<16 + 32
	}
	n := max(16, len(c.Body)/64/16*16)
	return n, n
}

// alterObject adds meta and does what ops say, each with two numbers.
func alterObject(c, other *testkit.Case, ops, meta []byte) {
	for _, f := range splitFields(meta) {
		if f.Name != "" {
			c.Set(f.Name, f.Value)
		}
	}
	for ops = ops[:min(len(ops), 30)]; len(ops) >= 3; ops = ops[3:] {
		op, x, y := int(ops[0])%(len(alterations)+len(headerAlterations)), int(ops[1]), int(ops[2])
		if op < len(alterations) {
			first, size := unitsOf(c)
			if len(other.Body) > 0 {
				c.Body = alter(c.Body, other.Body, first, size, []byte{byte(op), ops[1], ops[2]})
			}
			continue
		}
		if len(c.Metadata) > 0 {
			headerAlterations[op-len(alterations)](c, other, &c.Metadata[x%len(c.Metadata)], x, y)
		}
	}
	c.Metadata = splitFields(joinFields(c.Metadata)) // no name twice
}

// headerAlterations are what is done to metadata and instruction files.
var headerAlterations = []func(c, other *testkit.Case, f *testkit.Field, x, y int){
	func(_, _ *testkit.Case, f *testkit.Field, _, y int) { flipBase64(f, y) },
	func(c, _ *testkit.Case, f *testkit.Field, _, _ int) { c.Remove(f.Name) },
	func(_, other *testkit.Case, f *testkit.Field, _, _ int) { f.Value = other.Get(f.Name) },
	func(_, _ *testkit.Case, f *testkit.Field, _, y int) { f.Name = spellings[y%len(spellings)](f.Name) },
	func(_, _ *testkit.Case, f *testkit.Field, _, y int) { f.Value = madeValues[y%len(madeValues)] },
	func(c, _ *testkit.Case, _ *testkit.Field, x, y int) {
		c.Set(madeNames[x%len(madeNames)], madeValues[y%len(madeValues)])
	},
	func(c, _ *testkit.Case, f *testkit.Field, _, y int) {
		c.Set(spellings[y%len(spellings)](f.Name), f.Value)
	},
	func(_, _ *testkit.Case, f *testkit.Field, _, y int) { f.Value += "    \n"[:y%6] },
	func(c, _ *testkit.Case, f *testkit.Field, _, y int) { c.Rename(f.Name, madeNames[y%len(madeNames)]) },
	func(c, _ *testkit.Case, _ *testkit.Field, x, y int) {
		if len(c.Instruction) > 0 {
			c.Instruction[(256*x+y)%len(c.Instruction)] ^= 1 << (y % 8)
		}
	},
	func(c, other *testkit.Case, _ *testkit.Field, _, _ int) {
		c.Instruction = slices.Clone(other.Instruction)
	},
}

// flipBase64 flips a bit of the bytes that a value stands for.
func flipBase64(f *testkit.Field, bit int) {
	b, err := base64.StdEncoding.DecodeString(f.Value)
	if err != nil || len(b) == 0 {
		return
	}
	b[bit/8%len(b)] ^= 1 << (bit % 8)
	f.Value = base64.StdEncoding.EncodeToString(b)
}

// spellings are names that are the same, or nearly.
var spellings = []func(name string) string{
	strings.ToUpper,
	func(name string) string { return "x-amz-meta-" + name },
	func(name string) string { return "X-Amz-Meta-" + strings.ToTitle(name) },
	func(name string) string { return "x-amz-meta-x-amz-meta-" + name },
	func(name string) string { return strings.Replace(name, "k", "\u212a", 1) },
	func(name string) string { return name + " " },
}

var madeNames = strings.Fields("x-amz-key x-amz-key-v2 x-amz-cek-alg x-amz-wrap-alg x-amz-tag-len x-amz-iv x-amz-matdesc x-amz-3 x-amz-w x-amz-m " +
	"x-amz-t x-amz-c x-amz-d x-amz-i x-amz-unencrypted-content-length x-amz-unencrypted-content-md5 s3seal-suite s3seal-key s3seal-key-2 s3seal-key-3 " +
	"s3seal-wrap s3seal-wrap-2 s3seal-matdesc s3seal-salt s3seal-bound s3seal-empty s3seal-new")

var madeValues = append(strings.Fields("AES/GCM AESWrap RSA-OAEP-SHA1 RSA/ECB/OAEPWithSHA-256AndMGF1Padding kms kms+context AES/GCM/NoPadding AES/CTR/NoPadding "+
	"AES/CBC/PKCS5Padding AES/CBC/PKCS7Padding AES/CBC 02 12 22 01 115 128 16 0 1 chunked1 dare2 {} {\"a\":\"b\"} {\"a\":1} {\"aws:x-amz-cek-alg\":\"115\"} "+
	"{\"aws:x-amz-cek-alg\":\"AES/GCM/NoPadding\"} AAAAAAAAAAAAAAAAAAAAAA=="), "", " ")

// madeSeeds are cases of the test kit, an object of each kind, each alteration of each suite, and readers
// of all kinds.
func madeSeeds() (seeds [][]any) {
	add := func(mode int, recipe uint32, ops, body []byte, bits uint32, off, n uint16) {
		seeds = append(seeds, []any{uint8(mode), recipe, ops, []byte{}, []byte{}, body, bits, off, n})
	}
	for i := range uint32(400) { // more or fewer than there are
		add(modeCase, i, nil, nil, bitRelease*(i%4), 0, 0)
		add(modeCase, i, []byte{byte(i), byte(i * 3), byte(i * 5), byte(i / 7), byte(i * 7), byte(i * 11)}, nil, bitRelease*(i%4), 0, 0)
	}
	text := pattern(100)
	for suite, name := range madeSuites {
		for i, alg := range testkit.Wraps(name) {
			recipe := uint32(suite + len(madeSuites)*i)
			add(modeMade, recipe|3*recipeRSA, nil, text, bitRelease*uint32(i%4)|bitWriteTo*uint32(i%2), 0, 0)
			if !slices.Contains(openRings[rsaRing], alg) {
				add(modeMade, recipe|3*recipeInFile|3*recipeBound|3*recipeAAD|3*recipeSeveral, nil, text[:i], bitRange|bitRanges*uint32(i%2), 1, 20)
			}
		}
		for op := range len(alterations) + len(headerAlterations) {
			for x := range byte(4) {
				rule := bitRelease * uint32(op%4)
				add(modeMade, uint32(suite), []byte{byte(op), x * 70, x * 31}, text, rule|bitSized*uint32(x&1), 0, 0)
				add(modeMade, uint32(suite)|3*recipeInFile, []byte{byte(op), x, x * 3}, text, rule|bitWriteTo, 0, 0)
			}
		}
		for i := range len(madeSizes) {
			add(modeMade, uint32(suite)|uint32(255-i)<<8, nil, text, bitRelease*uint32(i%4)|bitSized, 0, 0)
			for j, ops := range [][]byte{nil, {0, 10, 1}, {0, 200, 5}, {3, 1, 2}} {
				at := bitAt * uint32(j%2)
				add(modeMade, uint32(suite)|uint32(255-i)<<8, ops, text, bitRange|bitRanges|at, uint16(i*j)*1500, 20_000)
				add(modeMade, uint32(suite)|uint32(255-i)<<8, ops, nil, bitRange|bitRanges|bitAt-at, 10, 100)
			}
		}
		for _, size := range []uint32{bitLonger, bitShorter, bitLonger | bitShorter} {
			add(modeMade, uint32(suite), nil, text, bitSized|size, 0, 0)
		}
		for n := range 5 {
			add(modeBody, uint32(suite), nil, text[:n*16], bitRelease*3, 0, 0)
			add(modeMade, uint32(suite)|3*recipeUnpadded, nil, append(slices.Clone(text[:16*n]), slices.Repeat([]byte{byte(n)}, 16)...), 0, 0, 0)
		}
		add(modeMade, uint32(suite)|uint32(256-len(madeSizes))<<8, nil, text, bitRelease*2|bitSwap|bitSized, 0, 0)
		add(modeMade, uint32(suite)|uint32(256-len(madeSizes))<<8, nil, text, bitRelease*2|bitSwap|200<<24, 0, 0)
		add(modeMade, uint32(suite)|uint32(256-len(madeSizes))<<8, []byte{0, 200, 5}, text, 0, 0, 0)
		add(modeMade, uint32(suite)|2*recipeCEK, nil, text, 0, 0, 0)
	}
	return seeds
}

// bitRanges is that option.
var bitRanges = uint32(1) << slices.Index(openOptions, testkit.Ranges)
