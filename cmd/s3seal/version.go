// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/fips140"
	"runtime"
	"runtime/debug"
)

// versionCmd says what this build is.
type versionCmd struct {
	JSON bool `name:"json" help:"Print one JSON object with stable names."`
}

// Help implements kong.HelpProvider.
func (versionCmd) Help() string {
	return `The commit is there if it was built from a clone. FIPS 140 mode is that of Go's cryptography (GODEBUG=fips140=on).

Example:

    s3seal version
    s3seal version --json | jq -r .commit`
}

// A versionReport is what version prints. The JSON names are relied upon.
type versionReport struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // since that commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
	FIPS140  bool   `json:"fips140"`
}

// Run prints it.
func (c *versionCmd) Run(a *app) error {
	v := thisVersion()
	if c.JSON {
		return a.printJSON(v)
	}
	commit := v.Commit
	switch {
	case commit == "":
		commit = "unknown"
	case v.Modified:
		commit += ", modified"
	}
	return a.printLines([][2]string{
		{"version", v.Version}, {"commit", commit}, {"go", v.Go}, {"platform", v.Platform}, {"fips140", yesNo(v.FIPS140)},
	})
}

// thisVersion is what the build knows of itself.
func thisVersion() *versionReport {
	v := &versionReport{
		Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, FIPS140: fips140.Enabled(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// version is the line of --version.
func version() string {
	v := thisVersion()
	return "s3seal " + v.Version + " " + v.Go
}
