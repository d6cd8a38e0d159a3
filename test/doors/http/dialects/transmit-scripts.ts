/** The scripts of Transmit's page on sign-in by SMS, to the letter. */
export const sendScript = `import fetch from 'node-fetch';

async function run() {
  const resp = await fetch(
    \`https://api.transmitsecurity.io/cis/v1/auth/otp/send\`,
    {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: 'Bearer [ACCESS_TOKEN]' // Client access token generated
      },
      body: JSON.stringify({
        channel: 'sms',
        identifier_type: 'phone_number', // User is identified by phone (other options available)
        identifier: '[PHONE_NUMBER]' // User's phone number (unless another type is used)
      })
    }
  );

  const data = await resp.json();
  console.log(data);
}

run();
`;

export const authenticateScript = `import fetch from 'node-fetch';

async function run() {
  const resp = await fetch(
    \`https://api.transmitsecurity.io/cis/v1/auth/otp/authenticate\`,
    {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: 'Bearer [ACCESS_TOKEN]' // Client access token
      },
      body: JSON.stringify({
        passcode: '[OTP]', // OTP entered by the user
        identifier_type: 'phone_number', // Same as the type in the send request
        identifier: '[PHONE_NUMBER]' // Same as the identifier in the send request
      })
    }
  );

  const data = await resp.json();
  console.log(data);
}

run();
`;
