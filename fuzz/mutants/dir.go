// SPDX-License-Identifier: Apache-2.0

package main

var inDir = []string{"backend/dir"}

// dirMutants are mostly syncs that are missing: what a process that is killed does
// not lose, but a power failure takes.
var dirMutants = []mutant{
	{
		name: "dir-body-not-synced", file: "backend/dir/put.go", packages: inDir,
		old: `		err = f.Sync()
		p.d.at("body synced")`,
		new: `		p.d.at("body synced")`,
	},
	{
		name: "dir-record-not-synced", file: "backend/dir/put.go", packages: inDir,
		old: `	p.d.at("record written")
	if err == nil {
		err = f.Sync()
	}
`,
		new: `	p.d.at("record written")
`,
	},
	{
		name: "dir-folder-not-synced", file: "backend/dir/put.go", packages: inDir,
		old: `if err := p.d.syncFolders(path.Dir(p.o.key)); err != nil {`,
		new: `if err := error(nil); err != nil {`,
	},
	{
		name: "dir-body-not-seen", file: "backend/dir/put.go", packages: inDir,
		old: `return p.d.syncFolders(tmpDir)`,
		new: `return nil`,
	},
	{
		name: "dir-records-not-synced", file: "backend/dir/put.go", packages: inDir,
		old: `	p.d.at("record synced")
	return p.d.syncFolders(p.o.records())`,
		new: `	p.d.at("record synced")
	return nil`,
	},
	{
		name: "dir-abort-not-synced", file: "backend/dir/put.go", packages: inDir,
		old: `		p.d.syncFolders(p.o.records()) // in this order`,
		new: `		// in this order`,
	},
	{
		name: "dir-part-not-synced", file: "backend/dir/multipart.go", packages: inDir,
		old: `		err = s.Sync()`,
		new: `		_ = s`,
	},
	{
		name: "dir-part-removed-early", file: "backend/dir/multipart.go", packages: inDir,
		old: `	if err := d.syncFolders(folder); err != nil {`,
		new: `	if err := error(nil); err != nil {`,
	},
	{
		name: "dir-upload-not-synced", file: "backend/dir/multipart.go", packages: inDir,
		old: `err = d.syncFolders(uploadFolder(id))`,
		new: `err = nil`,
	},
	{
		name: "dir-root-not-synced", file: "backend/dir/dir.go", packages: inDir,
		old: `if err := syncFolder(f); err != nil {`,
		new: `if err := f.Close(); err != nil {`,
	},
	{
		name: "dir-replaced-not-synced", file: "backend/dir/replace.go", packages: inDir,
		old: `		err = f.Sync()`,
		new: `		_ = f`,
	},
	{
		name: "dir-replacement-not-synced", file: "backend/dir/replace.go", packages: inDir,
		old: `if err := r.d.syncFolders(r.o.records()); err != nil {`,
		new: `if err := error(nil); err != nil {`,
	},
	{
		name: "dir-swept-not-synced", file: "backend/dir/sweep.go", packages: inDir,
		old: `if d.syncFolders(o.records()) != nil {`,
		new: `if false {`,
	},
	{
		name: "dir-removal-not-synced", file: "backend/dir/delete.go", packages: inDir,
		old: `if err := d.syncFolders(path.Dir(key)); err != nil {`,
		new: `if err := error(nil); err != nil {`,
	},
	{
		name: "dir-landed-not-believed", file: "backend/dir/put.go", packages: inDir,
		old: `return id == p.rec.identity`,
		new: `return id == p.rec.identity && p.rec.size < 0`,
	},
}
