// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// magic is the first line of every file.
const magic = "s3seal testkit 1"

// Ending is that of the names of files.
const Ending = ".s3ec"

// Marshal returns the file of c.
func (c *Case) Marshal() []byte {
	var b bytes.Buffer
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintln(&b, magic)
	line("expect", string(c.Expect))
	line("attack", strings.Join(c.Attacks, " "))
	line("comment", c.Comment)
	line("suite", c.Suite)
	if c.Authenticated {
		line("authenticated", "yes")
	}
	line("allow", strings.Join(c.Allow, " "))
	if c.Bind != nil {
		line("bind", quote(c.Bind.Bucket)+" "+quote(c.Bind.Key))
	}
	line("content-aad", hex.EncodeToString(c.ContentAAD))
	for _, k := range c.Keys {
		line("key", strings.Join(k.Algorithms, ",")+" "+base64.StdEncoding.EncodeToString(k.Secret))
	}
	if c.Range != nil {
		line("range", fmt.Sprint(c.Range.Off, " ", c.Range.N))
	}
	if c.AnyRelease {
		line("released", "any")
	}
	line("released-size", strconv.Itoa(c.Size))
	line("released-sha256", hex.EncodeToString(c.Sum[:]))
	for _, f := range c.Metadata {
		line("metadata", quote(f.Name)+" "+quote(f.Value))
	}
	if c.Instruction != nil {
		line("instruction", base64.StdEncoding.EncodeToString(c.Instruction)+".")
	}
	b.WriteString("\n")
	for text := base64.StdEncoding.EncodeToString(c.Body); text != ""; {
		n := min(len(text), 76)
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.Bytes()
}

// quote writes a string of JSON, in ASCII.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string is an error
	}
	var b strings.Builder
	for _, r := range string(text) {
		if r < 0x7f {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// Parse reads a file. It fails for what Marshal does not write, so that a test
// cannot pass over what it does not know.
func Parse(name string, data []byte) (*Case, error) {
	head, body, ok := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != magic {
		return nil, fmt.Errorf("testkit: %s: is no file of the kit", name)
	}
	c := &Case{Name: name}
	for _, l := range lines[1:] {
		field, value, ok := strings.Cut(l, ": ")
		if !ok {
			return nil, fmt.Errorf("testkit: %s: line %.40q", name, l)
		}
		if err := c.field(field, value); err != nil {
			return nil, fmt.Errorf("testkit: %s: %s: %w", name, field, err)
		}
	}
	var err error
	if c.Body, err = base64.StdEncoding.DecodeString(body); err != nil {
		return nil, fmt.Errorf("testkit: %s: body: %w", name, err)
	}
	if again := c.Marshal(); !bytes.Equal(again, data) {
		return nil, fmt.Errorf("testkit: %s: is not spelled as the kit spells it", name)
	}
	return c, nil
}

// field reads one line.
func (c *Case) field(name, value string) (err error) {
	switch name {
	case "expect":
		c.Expect = Outcome(value)
	case "attack":
		c.Attacks = strings.Fields(value)
	case "comment":
		c.Comment = value
	case "suite":
		c.Suite = value
	case "authenticated":
		c.Authenticated = value == "yes"
	case "allow":
		c.Allow = strings.Fields(value)
	case "bind":
		var pair [2]string
		if pair, err = unquotePair(value); err == nil {
			c.Bind = &Place{pair[0], pair[1]}
		}
	case "content-aad":
		c.ContentAAD, err = hex.DecodeString(value)
	case "key":
		err = c.key(value)
	case "range":
		c.Range = new(Span)
		_, err = fmt.Sscan(value, &c.Range.Off, &c.Range.N)
	case "released":
		c.AnyRelease = value == "any"
	case "released-size":
		c.Size, err = strconv.Atoi(value)
	case "released-sha256":
		_, err = hex.Decode(c.Sum[:], []byte(value))
	case "metadata":
		var pair [2]string
		pair, err = unquotePair(value)
		c.Metadata = append(c.Metadata, Field{pair[0], pair[1]})
	case "instruction":
		c.Instruction, err = base64.StdEncoding.DecodeString(strings.TrimSuffix(value, "."))
	default:
		err = fmt.Errorf("unknown")
	}
	return err
}

func (c *Case) key(value string) error {
	algs, text, _ := strings.Cut(value, " ")
	secret, err := base64.StdEncoding.DecodeString(text)
	c.Keys = append(c.Keys, Key{strings.Split(algs, ","), secret})
	return err
}

// unquotePair reads two strings of JSON.
func unquotePair(s string) (pair [2]string, err error) {
	dec := json.NewDecoder(strings.NewReader(s))
	for i := range pair {
		if err := dec.Decode(&pair[i]); err != nil {
			return pair, err
		}
	}
	return pair, nil
}
