// Signs in at a running Latchkey as a Go backend does, on stubs generated from its proto files, and prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"

	latchkeyv1 "example.com/latchkey-interop/gen/latchkey/v1"
)

type report struct {
	UserID          string             `json:"userId"`
	DisplayName     string             `json:"displayName"`
	IsNewUser       bool               `json:"isNewUser"`
	Refreshed       bool               `json:"refreshed"`
	CurrentUserID   string             `json:"currentUserId"`
	Sessions        int                `json:"sessions"`
	Refusals        map[string]refusal `json:"refusals"`
	ServicesV1      []string           `json:"servicesV1"`
	ServicesV1Alpha []string           `json:"servicesV1Alpha"`
	Backend         *backend           `json:"backend"`
}

type refusal struct {
	Code            string            `json:"code"`
	Reason          string            `json:"reason"`
	Domain          string            `json:"domain"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	RetryAfterMs    int64             `json:"retryAfterMs"`
	FieldViolations []string          `json:"fieldViolations"`
}

func main() {
	seen, err := signIn(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(seen)
}

func signIn(address, inbox, tokenURL, clientID string) (*report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	auth := latchkeyv1.NewAuthServiceClient(connection)
	seen := &report{Refusals: map[string]refusal{}}

	const email = "gopher@example.com"
	registered, err := auth.RegisterUser(ctx, &latchkeyv1.RegisterUserRequest{Email: email, DisplayName: "Gopher"})
	if err != nil {
		return nil, fmt.Errorf("RegisterUser: %w", err)
	}
	challenge := registered.GetChallenges()[0]
	_, err = auth.SendOtp(ctx, &latchkeyv1.SendOtpRequest{Identifier: &latchkeyv1.SendOtpRequest_ChallengeId{ChallengeId: challenge.GetChallengeId()}})
	seen.Refusals["hastyResend"] = read(err)

	code, err := codeFrom(ctx, inbox, email)
	if err != nil {
		return nil, err
	}
	wrong := &latchkeyv1.VerifyOtpRequest{ChallengeId: challenge.GetChallengeId(), Code: otherThan(code)}
	_, err = auth.VerifyOtp(ctx, wrong)
	seen.Refusals["wrongCode"] = read(err)
	_, err = auth.VerifyOtp(ctx, &latchkeyv1.VerifyOtpRequest{ChallengeId: challenge.GetChallengeId(), Code: "letters"})
	seen.Refusals["invalidCode"] = read(err)

	verified, err := auth.VerifyOtp(ctx, &latchkeyv1.VerifyOtpRequest{ChallengeId: challenge.GetChallengeId(), Code: code})
	if err != nil {
		return nil, fmt.Errorf("VerifyOtp: %w", err)
	}
	seen.UserID, seen.DisplayName, seen.IsNewUser = verified.GetUser().GetUserId(), verified.GetUser().GetDisplayName(), verified.GetIsNewUser()
	if err := afterSignIn(ctx, connection, verified.GetTokens(), seen); err != nil {
		return nil, err
	}
	seen.Backend, err = asBackend(ctx, connection, inbox, tokenURL, clientID)
	return seen, err
}

func afterSignIn(ctx context.Context, connection *grpc.ClientConn, first *latchkeyv1.TokenSet, seen *report) error {
	auth := latchkeyv1.NewAuthServiceClient(connection)
	refreshed, err := auth.RefreshToken(ctx, &latchkeyv1.RefreshTokenRequest{RefreshToken: first.GetRefreshToken()})
	if err != nil {
		return fmt.Errorf("RefreshToken: %w", err)
	}
	tokens := refreshed.GetTokens()
	seen.Refreshed = tokens.GetAccessToken() != first.GetAccessToken() && tokens.GetRefreshToken() != first.GetRefreshToken()

	asUser := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tokens.GetAccessToken())
	current, err := auth.GetCurrentUser(asUser, &latchkeyv1.GetCurrentUserRequest{})
	if err != nil {
		return fmt.Errorf("GetCurrentUser: %w", err)
	}
	seen.CurrentUserID = current.GetUser().GetUserId()
	sessions, err := auth.ListSessions(asUser, &latchkeyv1.ListSessionsRequest{})
	if err != nil {
		return fmt.Errorf("ListSessions: %w", err)
	}
	seen.Sessions = len(sessions.GetSessions())

	if _, err := auth.RevokeToken(ctx, &latchkeyv1.RevokeTokenRequest{Token: tokens.GetRefreshToken()}); err != nil {
		return fmt.Errorf("RevokeToken: %w", err)
	}
	_, err = auth.GetCurrentUser(asUser, &latchkeyv1.GetCurrentUserRequest{})
	seen.Refusals["accessAfterSignOut"] = read(err)
	_, err = auth.RefreshToken(ctx, &latchkeyv1.RefreshTokenRequest{RefreshToken: tokens.GetRefreshToken()})
	seen.Refusals["refreshAfterSignOut"] = read(err)
	return listServices(ctx, connection, seen)
}

// read decodes the details that the service attaches to every refusal.
func read(err error) refusal {
	refused, _ := status.FromError(err)
	seen := refusal{Code: refused.Code().String()}
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			seen.Reason, seen.Domain, seen.Metadata = detail.GetReason(), detail.GetDomain(), detail.GetMetadata()
		case *errdetails.RetryInfo:
			seen.RetryAfterMs = detail.GetRetryDelay().AsDuration().Milliseconds()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				seen.FieldViolations = append(seen.FieldViolations, violation.GetField())
			}
		}
	}
	return seen
}

// codeFrom waits for the message in the developer inbox: delivery is not part of the call that asks for it.
func codeFrom(ctx context.Context, inbox, email string) (string, error) {
	for ctx.Err() == nil {
		response, err := http.Get(inbox + "/messages?to=" + url.QueryEscape(email))
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return "", err
		}
		var messages []struct{ Code string }
		if err := json.Unmarshal(body, &messages); err != nil {
			return "", err
		}
		if len(messages) > 0 {
			return messages[0].Code, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", ctx.Err()
}

func otherThan(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func listServices(ctx context.Context, connection *grpc.ClientConn, seen *report) error {
	v1, err := reflectionv1.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	if err != nil {
		return fmt.Errorf("reflection v1: %w", err)
	}
	if err := v1.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); err != nil {
		return err
	}
	answer, err := v1.Recv()
	if err != nil {
		return fmt.Errorf("reflection v1: %w", err)
	}
	for _, service := range answer.GetListServicesResponse().GetService() {
		seen.ServicesV1 = append(seen.ServicesV1, service.GetName())
	}

	v1alpha, err := reflectionv1alpha.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	if err != nil {
		return fmt.Errorf("reflection v1alpha: %w", err)
	}
	if err := v1alpha.Send(&reflectionv1alpha.ServerReflectionRequest{MessageRequest: &reflectionv1alpha.ServerReflectionRequest_ListServices{}}); err != nil {
		return err
	}
	oldAnswer, err := v1alpha.Recv()
	if err != nil {
		return fmt.Errorf("reflection v1alpha: %w", err)
	}
	for _, service := range oldAnswer.GetListServicesResponse().GetService() {
		seen.ServicesV1Alpha = append(seen.ServicesV1Alpha, service.GetName())
	}
	return nil
}
