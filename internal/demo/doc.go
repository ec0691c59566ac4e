// Package demo plays the SageMaker notebook "Autoscale SageMaker endpoints" against a server of its own, through the AWS SDK: it deploys the
// built-in model, attaches the notebook's policies, raises and lowers a load, and shows what happens.
//
//	err := demo.Run(ctx, demo.Options{…})
package demo
