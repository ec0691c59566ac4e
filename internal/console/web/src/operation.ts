/** An operation of an AWS API with its input, as the console calls it and as "copy as" writes it down. */
export interface Operation {
  service: Service;
  name: string;
  input: Readonly<Record<string, unknown>>;
  region: string;
}

export type Service = keyof typeof targets;

/** The services by their names in the AWS CLI and boto3, each with the prefix of its X-Amz-Target. */
export const targets = {
  sagemaker: "SageMaker",
  "application-autoscaling": "AnyScaleFrontendService",
  cloudwatch: "GraniteServiceVersion20100801",
  autoscaling: "AutoScaling_2011_01_01",
  bellows: "Bellows", // what AWS has no operation for
  "sagemaker-runtime": "", // it has a gateway of its own
} as const;

export const sagemaker = (region: string, name: string, input: Operation["input"]): Operation => ({ service: "sagemaker", name, input, region });
export const scaling = (region: string, name: string, input: Operation["input"]): Operation => ({ service: "application-autoscaling", name, input, region });
export const cloudwatch = (region: string, name: string, input: Operation["input"]): Operation => ({ service: "cloudwatch", name, input, region });

export const groups = (region: string, name: string, input: Operation["input"]): Operation => ({ service: "autoscaling", name, input, region });
export const own = (region: string, name: string, input: Operation["input"]): Operation => ({ service: "bellows", name, input, region });

/** The scalable target of a variant, as Application Auto Scaling names it. */
export const variantTarget = (endpoint: string, variant: string) => ({
  ServiceNamespace: "sagemaker", ResourceId: `endpoint/${endpoint}/variant/${variant}`, ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
});
