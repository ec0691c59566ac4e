// Package demomodel is a model server that implements SageMaker's container contract with a small trained model: a
// multinomial logistic regression that classifies three species of iris by four measurements (R. A. Fisher, "The use of multiple
// measurements in taxonomic problems", Annals of Eugenics 7, 1936). It runs behind the image bellows/demo-model, in
// demonstrations, end-to-end tests and benchmarks.
//
// Command bellows calls Serve in a separate subcommand; the process fleet starts that subcommand as an instance. Command
// tools/demomodel creates model.json from Fisher's 150 flowers.
package demomodel

//go:generate go -C ../../tools run ./demomodel -o ../internal/demomodel/model.json
