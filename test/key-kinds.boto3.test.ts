import { boto3 } from './support/clients.ts';
import { keyKindsFlow } from './support/key-kinds-flow.ts';

keyKindsFlow(boto3);
