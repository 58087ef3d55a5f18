// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// checkFiles reports files that args name and that would be missed later, when the scheduler is already connected.
// The modules of a canary and a shadow may come later, since the policy does without them.
func checkFiles(args *v1alpha1.WasmPluginArgs, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if args.Module.File != nil {
		errs = checkFile(args.Module.File.Path, "a WebAssembly module", path.Child("module", "file", "path"))
	}
	errs = append(errs, checkTrust(&args.Module, path.Child("module"))...)
	if args.Canary != nil {
		errs = append(errs, checkTrust(&args.Canary.Module, path.Child("canary", "module"))...)
	}
	if args.Shadow != nil {
		errs = append(errs, checkTrust(&args.Shadow.Module, path.Child("shadow", "module"))...)
	}
	return errs
}

// checkTrust checks the files that say whom to trust with a module.
func checkTrust(module *v1alpha1.ModuleSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if module.HTTP != nil {
		errs = append(errs, checkFile(module.HTTP.CAFile, "PEM certificates", path.Child("http", "caFile"))...)
	}
	if module.OCI != nil {
		errs = append(errs, checkFile(module.OCI.CAFile, "PEM certificates", path.Child("oci", "caFile"))...)
	}
	if module.Verify != nil && module.Verify.Keyless != nil {
		at := path.Child("verify", "keyless", "trustedRootFile")
		errs = append(errs, checkFile(module.Verify.Keyless.TrustedRootFile, "a Sigstore trusted root", at)...)
	}
	return errs
}

// checkFile has nothing to say about no file, which is either allowed or was reported.
func checkFile(name, content string, path *field.Path) field.ErrorList {
	if name == "" {
		return nil
	}
	if err := readable(name, content); err != nil {
		return field.ErrorList{field.Invalid(path, name, err.Error())}
	}
	return nil
}

// readable says why what should be in the named file cannot be read. It opens only regular files: opening a pipe
// would block the start of the process.
func readable(name, content string) error {
	info, err := os.Stat(name)
	if err != nil {
		return explain(err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("must be a regular file, is %s", info.Mode().Type())
	}
	if info.Size() == 0 {
		return fmt.Errorf("is empty: put %s there", content)
	}
	f, err := os.Open(name)
	if err != nil {
		return explain(err)
	}
	return f.Close()
}

// explain drops the operation and the path, which the message that it becomes part of already has.
func explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("does not exist")
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("cannot be read: %w", pathErr.Err)
	}
	return fmt.Errorf("cannot be read: %w", err)
}
