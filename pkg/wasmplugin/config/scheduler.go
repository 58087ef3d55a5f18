// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// Policy is one policy of one profile. A name may appear in several profiles, each time with its own args.
type Policy struct {
	// Name is the operator's name for the policy, and the name of its scheduler plugin.
	Name string
	// Profile is the schedulerName of the profile.
	Profile string
	// Args are defaulted and valid.
	Args *v1alpha1.WasmPluginArgs
	// Path is where Args are in the file, for messages.
	Path *field.Path
}

// LoadSchedulerConfig finds the policies in a KubeSchedulerConfiguration file. The error lists every problem of
// every policy, including modules that cannot be read; it wraps an Aggregate of them. Everything else in the file
// is left to the scheduler to judge.
func LoadSchedulerConfig(file string) ([]Policy, error) { return Rules{}.LoadSchedulerConfig(file) }

// LoadSchedulerConfig is the function of that name under rules: what breaks them is among the problems.
func (r Rules) LoadSchedulerConfig(file string) ([]Policy, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading scheduler configuration: %w", err)
	}
	doc, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading scheduler configuration %s: %w", file, err)
	}
	l := loader{rules: r, duplicates: doc.duplicates}
	l.load(doc.Profiles)
	if err := l.errs.ToAggregate(); err != nil {
		return nil, fmt.Errorf("reading policies from %s: %w", file, err)
	}
	return l.policies, nil
}

// loader collects the policies and problems of one file.
type loader struct {
	rules      Rules
	duplicates []string
	policies   []Policy
	errs       field.ErrorList
}

func (l *loader) load(profiles []profile) {
	names := policyNames(profiles)
	for i := range profiles {
		path := field.NewPath("profiles").Index(i)
		l.loadProfile(&profiles[i], path)
		l.checkConfigured(&profiles[i], names, path)
	}
}

func (l *loader) loadProfile(p *profile, path *field.Path) {
	seen := map[string]bool{}
	for i, entry := range p.PluginConfig {
		if !entry.isPolicy() {
			continue
		}
		at := path.Child("pluginConfig").Index(i)
		l.checkName(entry.Name, at.Child("name"))
		l.checkUse(p, entry.Name, seen, path, at.Child("name"))
		l.loadArgs(p, entry, at.Child("args"))
		seen[entry.Name] = true
	}
}

// checkName keeps policy names usable in messages, metrics and events, and apart from in-tree plugins' names.
func (l *loader) checkName(name string, path *field.Path) {
	switch {
	case name == "":
		l.errs = append(l.errs, field.Required(path, "name the policy"))
	case slices.Contains(l.rules.Reserved, name):
		l.errs = append(l.errs, field.Invalid(path, name, "is the name of a plugin that is built into kube-scheduler: choose another name"))
	default:
		for _, problem := range validation.IsDNS1123Label(name) {
			l.errs = append(l.errs, field.Invalid(path, name, problem))
		}
	}
}

// checkUse reports a policy that is configured twice or, being enabled nowhere, would silently do nothing.
func (l *loader) checkUse(p *profile, name string, seen map[string]bool, profilePath, path *field.Path) {
	if seen[name] {
		l.errs = append(l.errs, field.Invalid(path, name, "is configured more than once in this profile: keep one"))
		return
	}
	if name != "" && !p.enables(name) {
		where := profilePath.Child("plugins", "multiPoint", "enabled")
		l.errs = append(l.errs, field.Invalid(path, name, fmt.Sprintf("is not enabled in this profile: add {name: %s} to %s", name, where)))
	}
}

func (l *loader) loadArgs(p *profile, entry pluginConfig, path *field.Path) {
	args, errs := inspect(entry.Args, path)
	errs = append(l.duplicatesBelow(path), errs...)
	if args != nil {
		errs = append(errs, notBelow(errs, checkFiles(args, path))...)
		errs = append(errs, notBelow(errs, l.rules.check(args, path))...)
	}
	l.errs = append(l.errs, errs...)
	l.policies = append(l.policies, Policy{Name: entry.Name, Profile: p.schedulerName(), Args: args, Path: path})
}

// duplicatesBelow reports keys that the file repeats; args in JSON form cannot show them any more.
func (l *loader) duplicatesBelow(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, duplicate := range l.duplicates {
		if below(field.ErrorList{{Field: path.String()}}, duplicate) {
			errs = append(errs, field.Forbidden(field.NewPath(duplicate), duplicateField))
		}
	}
	return errs
}

// checkConfigured reports a policy that the profile enables but only other profiles configure.
func (l *loader) checkConfigured(p *profile, names []string, path *field.Path) {
	for _, name := range names {
		if p.enables(name) && !p.configures(name) {
			l.errs = append(l.errs, field.Required(path.Child("pluginConfig"), fmt.Sprintf("policy %q is enabled in this profile: give it args here too", name)))
		}
	}
}
