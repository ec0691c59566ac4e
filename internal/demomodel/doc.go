// Package demomodel is a model server that keeps SageMaker's container contract and holds a real, small, trained model: a
// multinomial logistic regression that tells three species of iris from four measurements (R. A. Fisher, "The use of multiple
// measurements in taxonomic problems", Annals of Eugenics 7, 1936). It runs behind the image bellows/demo-model, in
// demonstrations, end-to-end tests and benchmarks.
//
// Command bellows calls Serve in a subcommand of its own; the process fleet starts that subcommand as an instance. Package
// train, beside it, makes model.json from Fisher's 150 flowers.
package demomodel

//go:generate go run ./train -o model.json
