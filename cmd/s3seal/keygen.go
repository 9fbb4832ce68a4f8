// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
)

// keygenCmd makes a key file.
type keygenCmd struct {
	RSA *int `name:"rsa" placeholder:"BITS" help:"Make an RSA key (PKCS#8 PEM) of 2048 to 16384 bits instead of an AES-256 key."`
	jsonFlags
	File text `arg:"" help:"The file to create; an existing one is never overwritten."`
}

// Help implements kong.HelpProvider.
func (keygenCmd) Help() string {
	return `Example:

    s3seal keygen vault.key
    s3seal put -k aes:vault.key dump.gz s3://bucket/dump.gz

Whoever needs only to write gets the public half of an RSA key:

    s3seal keygen --rsa 3072 vault.pem
    openssl pkey -in vault.pem -pubout -out vault.pub
    s3seal put -k rsa:vault.pub dump.gz s3://bucket/dump.gz`
}

// Sizes of RSA keys. Below, the key is too weak; above, one is slow to make
// and many readers refuse it.
const (
	minRSABits = 2048
	maxRSABits = 16384
)

// Run makes the key.
func (c *keygenCmd) Run(ctx context.Context, a *app) error {
	if c.File == "" {
		return usagef("want a file name for the key")
	}
	content, what, use, err := c.content(ctx)
	if err != nil {
		return err
	}
	path := string(c.File)
	if err := createKeyFile(path, content); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return &refusal{text: path + " is there already, and a key is never overwritten"}
		}
		return fmt.Errorf("create key file: %w", err)
	}
	if c.JSON {
		err = a.printJSON(&keygenReport{File: path, Kind: what, Key: use + ":" + path})
	} else {
		err = a.summary("new %s key in %s; use it as -k %s:%s", what, path, use, path)
	}
	if err != nil {
		return err
	}
	a.warnBackup(path)
	return nil
}

// A keygenReport is what keygen prints. The JSON names are relied upon.
type keygenReport struct {
	File string `json:"file"`
	Kind string `json:"kind"`
	Key  string `json:"key"` // as -k takes it
}

// content makes the key and says what it is and which scheme reads it.
func (c *keygenCmd) content(ctx context.Context) (content []byte, what, scheme string, err error) {
	if c.RSA == nil {
		return newAESKeyFile(), "AES-256", keyAES, nil
	}
	if *c.RSA < minRSABits || *c.RSA > maxRSABits {
		return nil, "", "", usagef("--rsa %d: want %d to %d bits", *c.RSA, minRSABits, maxRSABits)
	}
	// A large one takes a minute, in which there must be a way out.
	content, err = await(ctx, func() ([]byte, error) { return newRSAKeyFile(*c.RSA) })
	return content, fmt.Sprintf("RSA-%d", *c.RSA), keyRSA, err
}

// newAESKeyFile is the content of a new symmetric key file.
func newAESKeyFile() []byte {
	key := make([]byte, ownKeySize)
	rand.Read(key) // never fails
	defer clear(key)
	return formatKey(key)
}

// newRSAKeyFile is the content of a new RSA key file.
func newRSAKeyFile(bits int) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("make RSA key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make RSA key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// warnBackup says what a new key means. It goes to stderr, where it is seen
// even if stdout goes to a file.
func (a *app) warnBackup(path string) {
	a.warn("back up %s now: without it, nothing that is encrypted with it can be read again", path)
}

// useOrCreateKey reads an AES key file, or creates it if it is not there.
// Somebody else may create it at the same moment: then theirs is used.
func (a *app) useOrCreateKey(path string) (*key, error) {
	spec := keySpec{text: keyAES + ":" + path, scheme: keyAES, path: path}
	k, err := a.loadKey(spec, "")
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	err = createKeyFile(path, newAESKeyFile())
	switch {
	case err == nil:
		a.warn("new AES-256 key in %s", path)
		a.warnBackup(path)
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("create key file: %w", err)
	}
	return a.loadKey(spec, "")
}
