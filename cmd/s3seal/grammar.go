// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// A grammar is the command line as kong reads it. The group of a flag is the heading
// in --help that it is under: what commands share has one, and what is left to a
// command alone comes first.
type grammar struct {
	Quiet   bool             `short:"q" help:"No progress bar and no summary."`
	Version kong.VersionFlag `help:"Print the version and exit."`

	Keygen keygenCmd `cmd:"" help:"Make a new key file."`
	Put    putCmd    `cmd:"" help:"Encrypt a file and store it."`
	Get    getCmd    `cmd:"" help:"Fetch an object and decrypt it to a file."`
	Cat    catCmd    `cmd:"" help:"Decrypt an object, or a range of it, to stdout."`
	Stat   statCmd   `cmd:"" help:"Describe an object; needs no key, and tells whether one fits."`
	Rm     rmCmd     `cmd:"" help:"Remove an object."`
	Seal   sealCmd   `cmd:"" help:"Encrypt stdin to stdout, no storage involved."`
	Open   openCmd   `cmd:"" help:"Decrypt stdin to stdout, no storage involved."`

	Ls      lsCmd      `cmd:"" help:"List objects."`
	Audit   auditCmd   `cmd:"" help:"Say what many objects are, whom they want and who reads them; needs no key."`
	Verify  verifyCmd  `cmd:"" help:"Read many objects and write nothing: are they whole?"`
	Rewrap  rewrapCmd  `cmd:"" help:"Give objects another key, without touching their content."`
	Migrate migrateCmd `cmd:"" help:"Seal many objects anew in a newer format."`

	Serve      serveCmd      `cmd:"" help:"Serve a bucket decrypted over HTTP, on this machine."`
	AbortStale abortStaleCmd `cmd:"" name:"abort-stale" help:"List or abort uploads that were interrupted and not resumed."`

	KMSServer kmsServerCmd `cmd:"" name:"kms-server" help:"Serve a KMS for development, on this machine only."`

	Doctor      doctorCmd  `cmd:"" help:"Find out why something does not work."`
	VersionInfo versionCmd `cmd:"" name:"version" help:"Say what this build is."`
}

const description = `Client-side encryption for S3, compatible with AWS's S3 Encryption Clients.

Objects are named s3://BUCKET/KEY, dir:ROOT//KEY (a folder as a bucket) or dir:PATH. mc:ALIAS/BUCKET/KEY is
the server that MC_HOST_ALIAS names, as for MinIO's mc: http(s)://ACCESSKEY:SECRETKEY@HOST[:PORT].

Keys are named aes:FILE, aes-raw:FILE, aes-hex:FILE, aes-b64:FILE (16, 24 or 32 bytes), rsa:FILE or
kms:KEYID, a key of AWS KMS: its ID, its ARN or alias/NAME.
kms-sidecar:KEYID lets the KMS make a key for each object and keeps it, encrypted, in OBJECT.key beside it;
what is in that place already is used and never replaced, and rm leaves it.
insecure-rsa-raw:FILE opens objects of an old Java client, on Android for one, that wrapped without padding:
nothing about their keys is checked. Use a key that opens nothing else, and seal them again.
A suffix #name=value,name=value is the key's materials description (aes:old.key#kid=2019), with a KMS the
encryption context.

The S3 endpoint is --endpoint, else AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else endpoint_url of the AWS
profile (AWS_PROFILE), else AWS. Credentials come from the AWS and MinIO variables and files, never from a
flag. The KMS is found the same way, by AWS_ENDPOINT_URL_KMS or AWS_ENDPOINT_URL. AWS_CA_BUNDLE names a file with
the certificates that a server of one's own goes by.

Exit codes: 0 done, 1 I/O, network or server, 2 usage, 3 cannot decrypt (wrong key, or altered),
4 refused by policy (the message names the flag that would allow it), 5 not found, 6 changed meanwhile
or a condition does not hold, 7 some of many objects failed, 130 interrupted.`

// text is an argument byte for byte. kong's own string mapper goes through
// JSON, which would alter a file name that is not UTF-8.
type text string

// Decode implements kong.MapperValue.
func (t *text) Decode(ctx *kong.DecodeContext) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	s, ok := token.Value.(string)
	if !ok {
		return fmt.Errorf("want a string, got %v", token.Value)
	}
	*t = text(s)
	return nil
}

// A storageFlags says how to reach s3:// addresses.
type storageFlags struct {
	Endpoint text `group:"Storage:" placeholder:"URL" help:"S3 endpoint, http(s)://HOST[:PORT] or HOST:PORT (https)."`
	Region   text `group:"Storage:" placeholder:"NAME" help:"S3 region; else AWS_REGION, AWS_DEFAULT_REGION, that of the AWS profile, us-east-1."`
}
