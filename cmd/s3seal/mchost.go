// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// mcScheme begins addresses in the terms of MinIO's own command:
	// mc:ALIAS/BUCKET/KEY.
	mcScheme = "mc:"

	// mcHostVar begins the name of the variable that says what an alias is.
	mcHostVar = "MC_HOST_"

	// mcHostForm is what is wanted in it.
	mcHostForm = "http(s)://ACCESSKEY:SECRETKEY@HOST[:PORT]"
)

// cutS3 tells addresses of S3 from others: rest is BUCKET/KEY, or as much as
// there is of it. alias is empty for s3://.
func cutS3(s string) (alias, rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, s3Scheme); ok {
		return "", rest, true
	}
	if rest, ok = strings.CutPrefix(s, mcScheme); !ok {
		return "", "", false
	}
	alias, rest, _ = strings.Cut(rest, "/")
	return alias, rest, isAlias(alias)
}

// isAlias says whether mc takes the name, so that it can be part of the name of
// a variable.
func isAlias(s string) bool {
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789-_", r)) {
			return false
		}
	}
	return s != ""
}

// server finds the server of an S3 address and the credentials for it: those of
// the alias if it has one, else what the flags, variables and files say.
func (f storageFlags) server(env func(string) string, at address) (endpoint, *accessKeys, error) {
	if at.alias == "" {
		server, err := f.endpoint(env)
		return server, credentialChain(), err
	}
	if f.Endpoint != "" {
		return endpoint{}, nil, usagef("--endpoint: the server of %s is that of %s%s: want one of the two", at.text, mcHostVar, at.alias)
	}
	return mcHost(mcHostVar+at.alias, env(mcHostVar+at.alias))
}

// mcHost reads http(s)://ACCESS:SECRET[:TOKEN]@HOST[:PORT] as mc does: nothing is
// decoded, the last @ ends the credentials, and only a secret without a colon
// can be followed by a token. Without credentials requests are anonymous. No
// error repeats anything of the value, which may all be a secret.
func mcHost(name, value string) (endpoint, *accessKeys, error) {
	wrong := func(what string) error {
		return usagef("%s%s: want "+mcHostForm+" in it", name, what)
	}
	scheme, rest, ok := strings.Cut(value, "://")
	user, host := "", rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, host = rest[:i], rest[i+1:]
	}
	server, err := parseEndpoint(name, scheme+"://"+host)
	switch {
	case value == "":
		return endpoint{}, nil, wrong(" is not set")
	case !ok:
		return endpoint{}, nil, wrong(" has no http:// or https://")
	case scheme != "http" && scheme != "https":
		return endpoint{}, nil, wrong(" begins with neither http:// nor https://")
	case strings.Contains(strings.TrimRight(host, "/"), "/"):
		return endpoint{}, nil, wrong(" has a path, and the bucket belongs to the address mc:ALIAS/BUCKET/KEY")
	case err != nil:
		return endpoint{}, nil, wrong(" has no host that can be read")
	}
	if user == "" {
		return server, &accessKeys{Credentials: anonymous()}, nil
	}
	access, secret, _ := strings.Cut(user, ":")
	secret, token, _ := strings.Cut(secret, ":")
	if access == "" || secret == "" {
		return endpoint{}, nil, wrong(" has no secret key, or no access key, before the @")
	}
	return server, &accessKeys{Credentials: credentials.NewStaticV4(access, secret, token)}, nil
}

// credentialPlaces is where credentials for an address are looked for.
func credentialPlaces(at address) string {
	if at.alias != "" {
		return mcHostVar + at.alias
	}
	return "the AWS and MinIO variables and files"
}
