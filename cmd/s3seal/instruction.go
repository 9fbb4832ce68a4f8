// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// Flags that a refusal about instruction files names.
const (
	flagInstruction          = "--instruction-file"
	flagInstructionOverwrite = "--allow-instruction-overwrite"
	flagInstructionSuffix    = "--instruction-suffix"
)

// optionInstruction is what package backend adds to metadata that are too much, if
// they would not be so without the envelope.
const optionInstruction = "Options.InstructionFile"

// suffixFlags say where the instruction files of objects are.
type suffixFlags struct {
	InstructionSuffix text `placeholder:"SUFFIX" help:"What ends the key of an instruction file, after the object's; default .instruction. INSTRUCTION_SUFFIX: those of the first .NET client."`
}

func (f suffixFlags) suffix() string {
	if f.InstructionSuffix == "" {
		return envelope.InstructionSuffix
	}
	return string(f.InstructionSuffix)
}

// instructionFlags say how put stores an envelope.
type instructionFlags struct {
	InstructionFile           bool `help:"Store the envelope in an object of its own, KEY.instruction, instead of the metadata; the two do not change together."`
	AllowInstructionOverwrite bool `help:"With --instruction-file, replace an object that has one already, which cannot be read until the put is done."`
	suffixFlags
}

func (f instructionFlags) check() error {
	switch {
	case f.InstructionFile:
	case f.AllowInstructionOverwrite:
		return usagef("%s: want it with %s", flagInstructionOverwrite, flagInstruction)
	case f.InstructionSuffix != "":
		return usagef("%s: want it with %s", flagInstructionSuffix, flagInstruction)
	}
	return nil
}

// options are those of a bucket that puts.
func (f instructionFlags) options(seal envelope.SealOptions) *backend.Options {
	return &backend.Options{
		Seal:                      seal,
		InstructionFile:           f.InstructionFile,
		AllowInstructionOverwrite: f.AllowInstructionOverwrite,
		InstructionSuffix:         f.suffix(),
	}
}

// An allowable is a refusal of something that a flag would allow.
type allowable struct{ refusal }

// explainPut names the flag that would let the put of at succeed, if there is
// one. Looking for it costs a request, but only on the way out.
func (f instructionFlags) explainPut(ctx context.Context, d backend.Driver, at address, err error) error {
	switch {
	case errors.Is(err, backend.ErrInstructionFile) && !f.AllowInstructionOverwrite && isInstruction(ctx, d, at.key+f.suffix()):
		text := fmt.Sprintf("it has an instruction file already, %s, and cannot be read while both are replaced:"+
			" remove it first, or allow it with %s", at.key+f.suffix(), flagInstructionOverwrite)
		err = &allowable{refusal{text, err}}
	case errors.Is(err, backend.ErrMetadata) && !f.InstructionFile && strings.Contains(err.Error(), optionInstruction):
		text := fmt.Sprintf("the envelope does not fit into the %d bytes that S3 has for metadata:"+
			" store it beside the object with %s", backend.MaxMetadataSize, flagInstruction)
		err = &allowable{refusal{text, err}}
	}
	return at.about(err)
}

// isInstruction says whether key is an instruction file, which may be
// replaced, and not just an object of that name, which may not.
func isInstruction(ctx context.Context, d backend.Driver, key string) bool {
	body, _, err := d.Get(ctx, key, &backend.GetOptions{})
	if err != nil {
		return false
	}
	defer body.Close()
	ok, err := envelope.IsInstructionFile(body, extraSuites()...)
	return ok && err == nil
}

// readInstruction reads the envelope of an object whose own metadata are meta
// from a file. Who names the file has said that it is one, so the names of the
// first .NET client, which the suffix tells apart in storage, need no flag.
func readInstruction(path string, meta map[string]string) (*envelope.Header, error) {
	data, err := readInstructionFile(path)
	if err != nil {
		return nil, fmt.Errorf("instruction file: %w", err)
	}
	h, err := envelope.ParseDotNetInstructionFile(meta, bytes.NewReader(data), extraSuites()...)
	var metadata *envelope.MetadataError
	if errors.As(err, &metadata) && len(meta) == 0 && (metadata.Name == "x-amz-c" || metadata.Name == "s3seal-suite") {
		return nil, fmt.Errorf("instruction file %s: %w: want them by --metadata", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("instruction file %s: %w", path, err)
	}
	return h, nil
}

// readInstructionFile reads one byte more than such a file may have, and
// leaves it to the parser to say so.
func readInstructionFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, envelope.MaxInstructionSize+1))
}
